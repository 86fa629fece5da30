"""Runs a step's task as Airflow does: execute, defer, trigger in a triggerer, re-entry afresh.

Each half is made anew, as a worker and a triggerer are processes of their own that share only what
is serialized; a fault is one half that is left out, or done twice.
"""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.serde import deserialize, serialize
from made_shop import make_models, spec_body

from evergreen.orchestration.compute import KubernetesStep


@dataclass
class Attempts:
    """One task instance of the retrain DAG, as often as somebody tries it."""

    step: str
    run_dir: str
    arguments: dict[str, str] = field(default_factory=dict)
    run_id: str = "manual__1"
    tries: int = 0
    models_dir: Path = Path()

    def limits(self, **compute: Any) -> None:
        """Change the model's `compute` section; the next pod has it."""
        make_models(self.models_dir, spec_body(compute={"memory": "1Gi", **compute}))

    def task(self, **changed: Any) -> KubernetesStep:
        """Return the task as a worker makes it."""
        with DAG("also_bought__retrain"):
            return KubernetesStep(
                task_id=self.step,
                model="also_bought",
                step=self.step,
                run_dir=self.run_dir,
                arguments=changed.get("arguments", self.arguments),
            )

    def start(self) -> TaskDeferred:
        """Run the first half, which starts or adopts the pod."""
        try:
            done = self.task().execute(self._context())
        except TaskDeferred as deferred:
            return deferred
        raise AssertionError(f"it did not defer: {done}")

    def trigger(self, deferred: TaskDeferred) -> Any:
        """Return the trigger as a triggerer makes it, from what Airflow's database keeps."""
        path, kwargs = deferred.trigger.serialize()
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)(**deserialize(serialize(kwargs)))

    def wait(self, deferred: TaskDeferred) -> dict[str, Any]:
        """Return the event that the trigger yields in the end."""
        trigger = self.trigger(deferred)

        async def first() -> dict[str, Any]:
            async for event in trigger.run():
                return dict(event.payload)
            raise AssertionError("no event")

        return asyncio.run(first())

    def resume(self, deferred: TaskDeferred, event: dict[str, Any], **changed: Any) -> Any:
        """Run the second half on a fresh task."""
        kwargs = deferred.kwargs or {}
        return self.task(**changed).trigger_reentry(self._context(new=False), event=event, **kwargs)

    def finish(self, deferred: TaskDeferred) -> Any:
        """Wait and run the second half, as often as the task defers."""
        while True:
            try:
                return self.resume(deferred, self.wait(deferred))
            except TaskDeferred as again:
                deferred = again

    def run(self) -> Any:
        """Run the task to its end."""
        try:
            return self.task().execute(self._context())
        except TaskDeferred as deferred:
            return self.finish(deferred)

    def _context(self, *, new: bool = True) -> Any:
        self.tries += new
        ti = SimpleNamespace(
            dag_id="also_bought__retrain",
            task_id=self.step,
            run_id=self.run_id,
            map_index=-1,
            try_number=self.tries,
            start_date=datetime.now(UTC),
            xcom_push=lambda key, value: None,
        )
        return {"ti": ti, "run_id": self.run_id, "dag": SimpleNamespace()}
