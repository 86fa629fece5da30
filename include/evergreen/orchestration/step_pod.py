"""One step's pod under KubernetesPodOperator: started once, adopted by whoever comes again.

Imported by tasks only, as Airflow's provider loads the Kubernetes client.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from airflow.providers.cncf.kubernetes.kubernetes_helper_functions import generic_api_retry
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import OnFinishAction
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import models as k8s
from kubernetes.client.exceptions import ApiException

from evergreen.config.compute_spec import ComputeSpec
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import Settings
from evergreen.domain.errors import SettingsInvalid, StepFailed
from evergreen.orchestration import pod_spec
from evergreen.orchestration.pod_end import PodEnd, how_it_ended
from evergreen.orchestration.run_context import Context
from evergreen.orchestration.step_pod_trigger import SLACK, StepPodTrigger

GRACE_S = 10  # from SIGTERM to SIGKILL; a step holds nothing that more time would save
GONE_WITHIN_S = 180  # the grace, and the node's report
LOOK_EVERY_S = 1.0
ENDED = ("Succeeded", "Failed")


class StepPod(KubernetesPodOperator):
    """The pod of one step of one run; every default of Evergreen's pods stands here.

    It is no task: `compute.KubernetesStep` makes one while it runs, and hands on what Airflow asks.
    """

    _compute: ComputeSpec
    _other_runs: str
    _frozen_at: datetime
    _handed_on: dict[str, Any]
    _told_to_end: Callable[[], bool]
    _ended_early: dict[str, Any]

    @classmethod
    def of(
        cls,
        spec: ModelSpec,
        settings: Settings,
        *,
        step: str,
        folder: str,
        manifest: dict[str, Any],
        command: list[str],
        handed_on: dict[str, Any],
        killed: Callable[[], bool] = lambda: False,
    ) -> StepPod:
        """Return the pod of a step.

        Args:
            spec: The model, for its limits as they are now.
            settings: The installation.
            step: `build_dataset`, `train`, `evaluate` or `publish`.
            folder: The step's result folder, which names the pod.
            manifest: The frozen window's: its run key, and the image that it was frozen with.
            command: What follows `evergreen` in the container.
            handed_on: Arguments of the task's `trigger_reentry`, kept while it is deferred; the
                pod's UID is added as `pod_uid`.
            killed: Whether the task was told to end: Airflow says so once, and lets it go on.

        Raises:
            SettingsInvalid: a setting is missing, or holds a password that the pod would show.
        """
        image = manifest["image"] or spec.compute.image or settings.pod_image
        if not image:
            raise SettingsInvalid(
                f"no image for the pods of {spec.model}: set EVERGREEN_POD_IMAGE, or "
                f"compute.image in its model.yaml (`make images` builds one)"
            )
        compute, run_key = spec.compute, manifest["run_key"]
        deadline = compute.timeout + pod_spec.DEADLINE_SLACK
        pod = cls(
            task_id=step,
            # which cluster
            kubernetes_conn_id=None,
            config_file=str(settings.kubeconfig) if settings.kubeconfig else None,
            in_cluster=settings.kubeconfig is None,
            # which pod: one name, so one pod
            name=pod_spec.pod_name(spec.model, run_key, folder),
            random_name_suffix=False,
            namespace=settings.pod_namespace,
            labels=pod_spec.labels(spec.model, step, run_key),
            # what it runs
            image=image,
            image_pull_policy="IfNotPresent",
            base_container_name=pod_spec.CONTAINER,
            cmds=pod_spec.COMMAND,
            arguments=command,
            env_vars=pod_spec.environment(settings, compute),
            env_from=pod_spec.secret_environment(settings),
            # what it may take
            container_resources=pod_spec.resources(compute, step),
            node_selector=dict(compute.node_selector),
            tolerations=[
                k8s.V1Toleration(**{k: v for k, v in t.model_dump().items() if v})
                for t in compute.tolerations
            ],
            **pod_spec.scratch_volume(compute),
            active_deadline_seconds=int(deadline.total_seconds()),
            execution_timeout=compute.timeout,
            termination_grace_period=GRACE_S,
            # what it may do
            security_context=pod_spec.pod_security(),
            container_security_context=pod_spec.container_security(),
            service_account_name=settings.pod_service_account,
            automount_service_account_token=False,
            pod_template_file=str(settings.pod_template) if settings.pod_template else None,
            # what we hear of it
            deferrable=True,
            poll_interval=settings.pod_poll_interval_s,
            startup_timeout_seconds=settings.pod_start_timeout_s,
            startup_check_interval_seconds=settings.pod_poll_interval_s,
            get_logs=True,
            logging_interval=settings.pod_log_interval_s,
            log_events_on_failure=True,
            log_pod_spec_on_failure=False,  # 200 lines that hide the one that matters
            termination_message_policy="FallbackToLogsOnError",
            do_xcom_push=False,  # the result manifest is the contract
            on_finish_action=OnFinishAction.KEEP_POD.value,  # `remove` decides, having looked
        )
        pod._compute = compute
        pod._other_runs = (
            f"app.kubernetes.io/managed-by=evergreen,evergreen/model={spec.model},"
            f"evergreen/run-key!={run_key}"
        )
        pod._frozen_at = datetime.fromisoformat(manifest["frozen_at"])
        pod._handed_on = handed_on
        pod._told_to_end = killed
        return pod

    def start(self, context: Context) -> dict[str, Any]:
        """Start the pod, or find the one that is there, and defer until it has ended.

        Returns:
            The event of a pod that has ended meanwhile: then there is nothing to wait for.
        """
        self._end_other_runs()
        self._ended_early = {}
        self.execute_async(context)
        return self._ended_early

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Take note that there is nothing to wait for; `execute_async` calls it then."""
        self._ended_early = event

    def get_or_create_pod(self, pod_request_obj: k8s.V1Pod, context: Context) -> k8s.V1Pod:
        """Return the pod of this name: made now, or adopted.

        The cluster refuses a second pod of a name, so two that ask at once get the same one. A pod
        that has ended is removed and made anew (it finds its result, if there is one); one that is
        ending is waited for, as until it is gone it may still be at work.

        Raises:
            StepFailed: a pod is ending, but does not go; or the task was told to end.
        """
        while True:
            self._stop_if_killed()
            try:
                created = self._create(pod_request_obj)
            except ApiException as error:
                raise StepFailed(f"the cluster refused the pod: {_told(error)}") from None
            if created is not None:
                self._stop_if_killed(created)
                return created
            pod = self.current()
            if pod is None:
                continue
            if not pod.metadata.deletion_timestamp and pod.status.phase not in ENDED:
                self.log.info("Adopting pod %s, started at %s", self.name, pod.status.start_time)
                return pod
            self.log.info("Removing what an earlier attempt left: pod %s", self.name)
            self.remove(pod)
            self._wait_until_gone(pod.metadata.uid)

    @generic_api_retry
    def current(self) -> k8s.V1Pod | None:
        """Return the pod of this name as it is now, None when there is none."""
        with _unless(404):
            return self.client.read_namespaced_pod(self.name, self.namespace)
        return None

    def end_of(self, context: Context, event: dict[str, Any], uid: str) -> PodEnd:
        """Copy the pod's last log lines and its events, and return how it ended.

        Removes nothing: `remove` does, once it is known whether there is a result.

        Args:
            context: Airflow's.
            event: The trigger's.
            uid: The pod that was followed; another one that has its name by now is not asked.
        """
        if self._replaced(self.current(), uid):
            return PodEnd(text="its pod is gone, and another run has started one", again=True)
        try:
            super().trigger_reentry(context, told_from(event))
        except AirflowException as error:
            self.log.info("%s", error)
        pod = self.current()
        return how_it_ended(None if self._replaced(pod, uid) else pod, self._compute)

    def remove_followed(self, uid: str, *, keep_failed: bool) -> None:
        """Delete the pod that was followed, unless it failed and failed ones are kept."""
        pod = self.current()
        if pod is None or self._replaced(pod, uid):
            return
        if not (keep_failed and pod.status.phase == "Failed"):
            self.remove(pod)

    @generic_api_retry
    def remove(self, pod: k8s.V1Pod | None) -> None:
        """Delete this very pod; never another one that has taken its name since."""
        if pod is None:
            return
        body = k8s.V1DeleteOptions(
            preconditions=k8s.V1Preconditions(uid=pod.metadata.uid), grace_period_seconds=GRACE_S
        )
        with _unless(404, 409):  # gone, or another pod by now
            self.client.delete_namespaced_pod(pod.metadata.name, self.namespace, body=body)

    def on_kill(self) -> None:
        """End the pod; one that is being made ends when it is there (`_stop_if_killed`)."""
        self._killed = True
        self.remove(self.current())

    def _stop_if_killed(self, created: k8s.V1Pod | None = None) -> None:
        if self._killed or self._told_to_end():
            self.remove(created)
            raise StepFailed(f"the task was told to end; pod {self.name} is removed")

    @staticmethod
    def _replaced(pod: k8s.V1Pod | None, uid: str) -> bool:
        return pod is not None and pod.metadata.uid != uid

    def defer(self, *, trigger: Any, method_name: str, timeout: Any = None, **_: Any) -> None:
        """Wait with a trigger that keeps no credentials and knows its pod by more than its name."""
        uid = self.pod.metadata.uid
        super().defer(
            trigger=StepPodTrigger.of(trigger, pod_uid=uid),
            method_name=method_name,
            kwargs={**self._handed_on, "pod_uid": uid},
            timeout=timeout,
        )

    def convert_config_file_to_dict(self) -> None:
        """Keep the kubeconfig's token out of Airflow's database: the trigger reads the file."""
        self._config_dict = None

    def _end_other_runs(self) -> None:
        """End pods that were there when this run's window was frozen: orphans of earlier runs.

        They are left when Airflow lost them for good: its database was restored, say. Younger pods
        are left alone, so that two runs at once (a backfill) do not end each other's; and the
        cluster tells a pod's age in whole seconds, so one of the same second passes for younger.
        """
        for pod in self._others():
            if pod.metadata.creation_timestamp < self._frozen_at.replace(microsecond=0):
                self.log.warning("Removing pod %s, left by another run", pod.metadata.name)
                self.remove(pod)

    @generic_api_retry
    def _others(self) -> list[k8s.V1Pod]:
        listed = self.client.list_namespaced_pod(self.namespace, label_selector=self._other_runs)
        return list(listed.items)

    def _wait_until_gone(self, uid: str) -> None:
        until = time.monotonic() + GONE_WITHIN_S
        while (pod := self.current()) is not None and not self._replaced(pod, uid):
            self._stop_if_killed()
            if time.monotonic() > until:
                raise StepFailed(
                    f"pod {self.name} was told to end {GONE_WITHIN_S} s ago and has not, so it may "
                    f"still be at work; is its node {pod.spec.node_name} lost? When that is sure: "
                    f"kubectl -n {self.namespace} delete pod {self.name} --force --grace-period=0"
                )
            time.sleep(LOOK_EVERY_S)

    @generic_api_retry
    def _create(self, pod: k8s.V1Pod) -> k8s.V1Pod | None:
        """Return the pod that was made, None when the name is taken."""
        with _unless(409):
            return self.client.create_namespaced_pod(self.namespace, pod)
        return None


@contextmanager
def _unless(*statuses: int) -> Iterator[None]:
    """Pass over answers that are answers; Airflow's retry takes 409 for a failure of a moment."""
    try:
        yield
    except ApiException as error:
        if error.status not in statuses:
            raise


def told_from(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with a log that begins a little earlier: a line twice, rather than never."""
    last = event.get("last_log_time")
    return event if last is None else {**event, "last_log_time": last - SLACK}


def _told(error: ApiException) -> str:
    """Return the cluster's own words, which name the field or the right that is missing."""
    text = str(error.body or error.reason or "")
    message = text.partition('"message":"')[2].partition('","')[0]
    return f"{error.status} {message or text}"[:400]
