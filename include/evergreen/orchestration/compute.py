"""Where steps run: one backend class turns (step, run directory, arguments) into an Airflow task.

A step is the command `evergreen step <name> --run-dir DIR …` wherever it runs; it shares nothing
with Airflow but these arguments and the result manifest `<run_dir>/<step>/_SUCCESS`, and a step
that finds its manifest returns at once. So a step is always safe to run again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from evergreen.adapters.installation import spec_of
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import settings
from evergreen.domain.errors import StepFailed
from evergreen.orchestration.links import PodLogsLink
from evergreen.orchestration.run_context import Context
from evergreen.trainer.step_folder import step_folder

if TYPE_CHECKING:
    from evergreen.orchestration.step_pod import StepPod
    from evergreen.trainer.manifest import RunDir

TERMINATION_GRACE_S = 10  # from SIGTERM to SIGKILL
STEP_RETRIES = {"local": 1, "kubernetes": 3}
"""A lost process or pod; what fails again fails for a reason. A pod meets more: nodes drain, people
clear tasks; and an attempt that finds a living pod or a result costs nothing."""


class StepTask(BaseOperator):
    """One step of a retraining; subclasses say where it runs.

    Args:
        model: Whose.
        step: Its name: `build_dataset`, `train`, `evaluate` or `publish`.
        run_dir: The run directory that all steps of a run share.
        arguments: Further options by name, for example `{"champion": "3"}`.
    """

    template_fields = ("run_dir", "arguments")
    ui_color = "#d9ead3"

    def __init__(
        self,
        *,
        model: str,
        step: str,
        run_dir: str,
        arguments: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.step = step
        self.run_dir = run_dir
        self.arguments = arguments or {}

    @property
    def command(self) -> list[str]:
        """The command line after `evergreen`, the same in a process and in a pod."""
        options = [part for name, value in self.arguments.items() for part in (f"--{name}", value)]
        return ["step", self.step, "--run-dir", self.run_dir, *options]

    @property
    def folder(self) -> str:
        """The step's result folder below the run directory."""
        return step_folder(self.step, self.arguments)

    def result(self) -> dict[str, Any]:
        """Return what later tasks need: the manifest's path and the arguments as they were."""
        manifest = f"{self.run_dir}/{self.folder}/_SUCCESS"
        return {"manifest": manifest, "arguments": dict(self.arguments)}


class LocalStep(StepTask):
    """Runs the step in a process group of its own, which ends with the task."""

    _process: subprocess.Popen[str] | None = None

    @property
    def argv(self) -> list[str]:
        """The whole command line of the process."""
        return [sys.executable, "-m", "evergreen.cli", *self.command]

    def execute(self, context: Context) -> dict[str, Any]:
        """Run, pass the output on to the task log, return where the result manifest is.

        Raises:
            StepFailed: the step ended otherwise than with success; the text has its last line.
        """
        process = self._process = subprocess.Popen(  # noqa: S603  (our own command)
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        last = "it said nothing"
        try:
            for line in process.stdout or ():
                if line.strip():
                    last = line.strip()
                    self.log.info(last)
            code = process.wait()
        finally:
            self.on_kill()
        if code:
            raise StepFailed(f"step {self.step} of {self.run_dir} {_how_it_ended(code)}: {last}")
        return self.result()

    def on_kill(self) -> None:
        """End the whole process group: politely, then for sure."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(TERMINATION_GRACE_S)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None


class KubernetesStep(StepTask):
    """Runs the step in a pod of the trainer image, and waits without a worker.

    The pod has one name for each step of a run, so there is one at a time however often the task
    runs (`pod_spec.py`); the result manifest decides whether the step is done, whatever became of
    the pod.
    """

    operator_extra_links = (PodLogsLink(),)
    ui_color = "#cfe2f3"
    _killed = False

    @cached_property
    def _spec(self) -> ModelSpec:
        return spec_of(self.model)

    @cached_property
    def _run(self) -> RunDir:
        from evergreen.trainer.manifest import RunDir

        return RunDir(self.run_dir)

    @property
    def pod_logs_url(self) -> str:
        """Where people read the pod's log; `""` where no setting says so."""
        said = settings()
        if not said.pod_logs_url:
            return ""
        return said.pod_logs_url.format(namespace=said.pod_namespace, pod=self._pod.name)

    @cached_property
    def _pod(self) -> StepPod:
        from evergreen.orchestration.step_pod import StepPod

        return StepPod.of(
            self._spec,
            settings(),
            step=self.step,
            folder=self.folder,
            manifest=self._run.manifest(),
            command=self.command,
            handed_on={"arguments": dict(self.arguments)},
            killed=lambda: self._killed,
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the result when there is one; else start or adopt the pod, and defer.

        Raises:
            StepFailed: the cluster refused the pod, or an earlier one does not go.
            SettingsInvalid: a setting that pods need is missing.
        """
        if self._run.result(self.folder) is not None:
            self.log.info("%s has its result; no pod is needed", self.folder)
            self._pod.remove(self._pod.current())
            return self.result()
        if address := self.pod_logs_url:
            # Airflow makes the button when a task ends, but here it is wanted while the pod runs.
            context["ti"].xcom_push(key=PodLogsLink().xcom_key, value=address)
        event = self._pod.start(context)
        return self.trigger_reentry(
            context, event, dict(self.arguments), self._pod.pod.metadata.uid
        )

    def trigger_reentry(
        self, context: Context, event: dict[str, Any], arguments: dict[str, str], pod_uid: str
    ) -> dict[str, Any]:
        """Go on after the pod: with its result, or with what went wrong.

        Args:
            context: Airflow's.
            event: The trigger's.
            arguments: Those that the pod was started with; their template may say others by now.
            pod_uid: The pod that was waited for.

        Raises:
            StepFailed: the pod left no result; the text says why.
            AirflowFailException: the same, and another attempt would end the same way.
        """
        self.arguments = arguments
        end = self._pod.end_of(context, event, pod_uid)
        done = self._run.result(self.folder) is not None
        keep = self._spec.compute.keep_failed_pods and not done
        self._pod.remove_followed(pod_uid, keep_failed=keep)
        if done:
            return self.result()
        text = f"step {self.step} of {self.run_dir}: {end.text}"
        raise StepFailed(text) if end.again else AirflowFailException(text)

    def on_kill(self) -> None:
        """End the pod: a person marked the task as failed, or this worker is told to stop."""
        self._killed = True
        self._pod.on_kill()


BACKENDS: Mapping[str, type[StepTask]] = {"local": LocalStep, "kubernetes": KubernetesStep}


def step_task(spec: ModelSpec, step: str, **kwargs: Any) -> StepTask:
    """Return the task that runs a step on this installation's backend."""
    return BACKENDS[settings().compute](**_options(spec, step), **kwargs)


def mapped_step(spec: ModelSpec, step: str, arguments: Any, **kwargs: Any) -> Any:
    """Return the task that runs a step once for each of the arguments, side by side.

    Args:
        arguments: a list, or the output of the task that knows it.
    """
    backend = BACKENDS[settings().compute]
    return backend.partial(**_options(spec, step), **kwargs).expand(arguments=arguments)


def _options(spec: ModelSpec, step: str) -> dict[str, Any]:
    return {
        "model": spec.model,
        "step": step,
        "task_id": step,
        "queue": spec.compute.queue,
        "retries": STEP_RETRIES[settings().compute],
        "execution_timeout": spec.compute.timeout,
    }


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL; out of memory?)"
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
