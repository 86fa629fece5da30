"""Where the panel shows what a task has found: a button on the task, a link in a message."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from evergreen.adapters.data_docs import docs_path
from evergreen.adapters.reports import report_path

DOCS_RUN = "data_docs_run"
"""XCom key: the run whose Data Docs a task has left."""
REPORT = "evaluation_report"
"""XCom key: the address of the evaluation report that the gate has left."""
MLFLOW_RUN = "mlflow_run"
"""XCom key: the address of the challenger's page in MLflow that the gate has left."""


def data_docs_url(model: str, run: str) -> str:
    """Return where a run's Data Docs are: below `[api] base_url`, or of this very site."""
    return _base_url() + docs_path(model, run)


def report_url(model: str, run_key: str, champion: int | None) -> str:
    """Return where the report of a run against this champion is, in the same way."""
    return _base_url() + report_path(model, run_key, champion)


def run_url(dag_id: str, run_id: str) -> str:
    """Return where Airflow shows a run."""
    return f"{_base_url()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def task_url(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """Return where Airflow shows a task of a run, with its log."""
    mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
    return f"{run_url(dag_id, run_id)}/tasks/{quote(task_id, safe='')}{mapped}"


def answer_url(dag_id: str, run_id: str) -> str:
    """Return where a person answers what a run asks (*Required Actions*)."""
    return f"{run_url(dag_id, run_id)}/required_actions"


class DataDocsLink(BaseOperatorLink):
    """The button that opens the Data Docs of a task's run; none before it has left some."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address, from the run's name that the task has left."""
        from airflow.sdk.execution_time.xcom import XCom

        run = XCom.get_value(ti_key=ti_key, key=DOCS_RUN)
        return data_docs_url(operator.model, run) if run else ""


class ReportLink(BaseOperatorLink):
    """The button that opens the evaluation report; on every task that comes of the gate's verdict.

    None before the gate has left a report.
    """

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address that the gate of this run has left."""
        return _left_by_gate(REPORT, ti_key)


class MlflowRunLink(BaseOperatorLink):
    """The button that opens the challenger's run in MLflow, on the gate and the tasks after it.

    None where MLflow has no pages that people can open (`EVERGREEN_MLFLOW_UI_URL`).
    """

    name = "MLflow run"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address that the gate of this run has left."""
        return _left_by_gate(MLFLOW_RUN, ti_key)


class PodLogsLink(BaseOperatorLink):
    """The button that opens a pod's log where the installation keeps logs.

    Only of steps in pods, and only where `EVERGREEN_POD_LOGS_URL` says where that is.
    """

    name = "Pod logs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address, or nothing when the task never came to its pod."""
        return str(getattr(operator, "pod_logs_url", ""))


def _left_by_gate(key: str, ti_key: Any) -> str:
    from airflow.sdk.execution_time.xcom import XCom

    said = XCom.get_one(
        key=key, task_id="gate", dag_id=ti_key.dag_id, run_id=ti_key.run_id, map_index=-1
    )
    return said or ""


def _base_url() -> str:
    return str(conf.get("api", "base_url", fallback="")).rstrip("/")
