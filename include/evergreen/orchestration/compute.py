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
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import settings
from evergreen.domain.errors import StepFailed
from evergreen.orchestration.run_context import Context

TERMINATION_GRACE_S = 10  # from SIGTERM to SIGKILL
STEP_RETRIES = 1  # a lost process; a step that fails twice fails for a reason


class StepTask(BaseOperator):
    """One step of a retraining; subclasses say where it runs.

    Args:
        step: Its name: `build_dataset`, `train`, `evaluate` or `publish`.
        run_dir: The run directory that all steps of a run share.
        arguments: Further options by name, for example `{"champion": "3"}`.
    """

    template_fields = ("run_dir", "arguments")
    ui_color = "#d9ead3"

    def __init__(
        self, *, step: str, run_dir: str, arguments: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.step = step
        self.run_dir = run_dir
        self.arguments = arguments or {}

    @property
    def command(self) -> list[str]:
        """The command line after the interpreter, the same in a process and in a pod."""
        options = [part for name, value in self.arguments.items() for part in (f"--{name}", value)]
        return ["-m", "evergreen.cli", "step", self.step, "--run-dir", self.run_dir, *options]

    def result(self) -> dict[str, Any]:
        """Return what later tasks need: the manifest's path and the arguments as they were."""
        manifest = f"{self.run_dir}/{self.step}/_SUCCESS"
        return {"manifest": manifest, "arguments": dict(self.arguments)}


class LocalStep(StepTask):
    """Runs the step in a process group of its own, which ends with the task."""

    _process: subprocess.Popen[str] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run, pass the output on to the task log, return where the result manifest is.

        Raises:
            StepFailed: the step ended otherwise than with success; the text has its last line.
        """
        process = self._process = subprocess.Popen(  # noqa: S603  (our own command)
            [sys.executable, *self.command],
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
    """Keeps the place of the pod backend, which runs the same command in `compute.image`."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Fail: there is no pod backend yet."""
        raise AirflowFailException(
            f"EVERGREEN_COMPUTE=kubernetes: steps run in local processes only so far; "
            f"set EVERGREEN_COMPUTE=local (step {self.step})"
        )


BACKENDS: Mapping[str, type[StepTask]] = {"local": LocalStep, "kubernetes": KubernetesStep}


def step_task(spec: ModelSpec, step: str, **kwargs: Any) -> StepTask:
    """Return the task that runs a step on this installation's backend."""
    return BACKENDS[settings().compute](**_options(spec, step), **kwargs)


def mapped_step(spec: ModelSpec, step: str, arguments: list[dict[str, str]], **kwargs: Any) -> Any:
    """Return the task that runs a step once for each of the arguments, side by side."""
    backend = BACKENDS[settings().compute]
    return backend.partial(**_options(spec, step), **kwargs).expand(arguments=arguments)


def _options(spec: ModelSpec, step: str) -> dict[str, Any]:
    return {
        "step": step,
        "task_id": step,
        "retries": STEP_RETRIES,
        "execution_timeout": spec.compute.timeout,
    }


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL; out of memory?)"
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
