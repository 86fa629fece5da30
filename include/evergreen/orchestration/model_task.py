"""What every task of ours is: a task about the model of its DAG."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, BranchMixIn

from evergreen.orchestration.run_context import Context


class ModelTask(BaseOperator):
    """A task about the model that its DAG is named for; the spec is read when the task runs.

    It has no constructor of its own: Airflow's wrapper around each one costs 0.1 ms a task, which
    is 0.3 s for 100 models.
    """

    @property
    def model(self) -> str:
        """The model's name: the DAG id `<model>__<kind>` without its kind."""
        return self.dag_id.rpartition("__")[0]


class BranchTask(ModelTask, BranchMixIn):
    """A task that decides which of the tasks after it run."""

    inherits_from_skipmixin = True

    def follow(self, context: Context, branch: str, result: dict[str, Any]) -> None:
        """Leave the result for later tasks, and skip every branch but this one.

        Nothing comes after this call: skipping ends the task by an exception, and with it goes
        what `execute` would return.
        """
        context["ti"].xcom_push(key="return_value", value=result)
        self.do_branch(context, branch)
