"""The waiting half of `step_pod.py`: asks the cluster where waiting costs no worker."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import yaml
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from kubernetes_asyncio.client import (
    ApiException,
    CoreV1Api,
    V1DeleteOptions,
    V1Preconditions,
)

from evergreen.config.settings import settings


class StepPodTrigger(KubernetesPodTrigger):
    """KubernetesPodTrigger without credentials in Airflow's database.

    Args:
        pod_uid: The pod that a person's `mark failed` or `clear` ends; one that took its name since
            is left alone.
    """

    def __init__(self, *, pod_uid: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pod_uid = pod_uid

    @classmethod
    def of(cls, trigger: KubernetesPodTrigger, *, pod_uid: str) -> StepPodTrigger:
        """Return this trigger in place of the operator's own."""
        return cls(pod_uid=pod_uid, **trigger.serialize()[1])

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments that make this trigger again."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {**super().serialize()[1], "pod_uid": self.pod_uid}

    @cached_property
    def hook(self) -> AsyncKubernetesHook:
        """The cluster's client, from this process's own settings."""
        kubeconfig = settings().kubeconfig
        return AsyncKubernetesHook(
            conn_id=None,
            in_cluster=kubeconfig is None,
            config_dict=yaml.safe_load(kubeconfig.read_text()) if kubeconfig else None,
        )

    async def on_kill(self) -> None:
        """End the pod that this trigger watches, and no other."""
        body = V1DeleteOptions(
            preconditions=V1Preconditions(uid=self.pod_uid),
            grace_period_seconds=self.termination_grace_period,
        )
        try:
            async with self.hook.get_conn() as connection:
                await CoreV1Api(connection).delete_namespaced_pod(
                    name=self.pod_name, namespace=self.pod_namespace, body=body
                )
        except ApiException as error:
            if error.status in (404, 409):  # gone, or another pod by now
                self.log.info("Pod %s has ended already", self.pod_name)
                return
            self.log.exception(
                "Pod %s could not be ended, and works on: kubectl -n %s delete pod %s",
                *(self.pod_name, self.pod_namespace, self.pod_name),
            )
        else:
            self.log.info("Pod %s is told to end", self.pod_name)
