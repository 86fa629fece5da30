"""The waiting half of `step_pod.py`: asks the cluster where waiting costs no worker."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import yaml
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger

from evergreen.config.settings import settings


class StepPodTrigger(KubernetesPodTrigger):
    """KubernetesPodTrigger without credentials in Airflow's database.

    Args:
        pod_uid: The pod that a person's `mark failed` or `clear` ends; one that took its name since
            is left alone.
    """

    def __init__(self, *, pod_uid: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pod_uid = pod_uid

    @classmethod
    def of(cls, trigger: KubernetesPodTrigger, *, pod_uid: str | None) -> StepPodTrigger:
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
        try:
            pod = await self.hook.get_pod(name=self.pod_name, namespace=self.pod_namespace)
        except Exception as error:
            self.log.info("Pod %s is not there to be ended: %s", self.pod_name, error)
            return
        if self.pod_uid in (None, pod.metadata.uid):
            await super().on_kill()
