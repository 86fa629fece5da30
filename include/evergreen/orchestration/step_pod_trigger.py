"""The waiting half of `step_pod.py`: asks the cluster where waiting costs no worker."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pendulum
import yaml
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.providers.cncf.kubernetes.utils.pod_manager import AsyncPodManager, parse_log_line
from kubernetes_asyncio.client import (
    ApiException,
    CoreV1Api,
    V1DeleteOptions,
    V1Preconditions,
)

from evergreen.config.settings import settings

SLACK = timedelta(seconds=2)
"""The cluster counts `since_seconds` back from when it gets to a request, not from when it was
sent: so much more is asked for, and what was told already is left out."""


class EveryLine(AsyncPodManager):
    """Reads a running container's log without losing lines between two reads.

    The provider's own leaves out the lines of the current second and goes on after it: in a log of
    ten lines a second, one in thirty was lost.
    """

    async def fetch_container_logs_before_current_sec(
        self, pod: Any, container_name: str, since_time: datetime | None = None
    ) -> pendulum.DateTime:
        """Tell the lines from `since_time` on, before the current second; return its start."""
        now = pendulum.now("UTC").replace(microsecond=0)
        seconds = None
        if since_time is not None:
            seconds = math.ceil((pendulum.now("UTC") - since_time + SLACK).total_seconds())
        found = await self._hook.read_logs(
            name=pod.metadata.name,
            namespace=pod.metadata.namespace,
            container_name=container_name,
            since_seconds=seconds,
        )
        lines = between(found, since_time, now)
        await asyncio.to_thread(self._emit_container_logs, lines, now, container_name)
        return now


def between(lines: list[str], since: datetime | None, until: datetime) -> list[str]:
    """Return the lines of `[since, until)`; they come in order, and some bear no time.

    Example:
        >>> from datetime import UTC
        >>> lines = [f"2011-05-02T00:00:0{s}.5Z {s}" for s in range(5)]
        >>> between(lines, datetime(2011, 5, 2, 0, 0, 1, tzinfo=UTC),
        ...         datetime(2011, 5, 2, 0, 0, 3, tzinfo=UTC))
        ['2011-05-02T00:00:01.5Z 1', '2011-05-02T00:00:02.5Z 2']
    """
    found, told = [], None
    for line in lines:
        told = parse_log_line(line)[0] or told
        if (since is None or (told is not None and told >= since)) and (
            told is None or told < until
        ):
            found.append(line)
    return found


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

    @cached_property
    def pod_manager(self) -> AsyncPodManager:
        """What reads the pod's log."""
        return EveryLine(async_hook=self.hook)

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
