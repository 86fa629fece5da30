"""Where the panel shows what a task has found: a button on the task, a link in a message."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from evergreen.adapters.data_docs import docs_path

DOCS_RUN = "data_docs_run"
"""XCom key: the run whose Data Docs a task has left."""


def data_docs_url(model: str, run: str) -> str:
    """Return where a run's Data Docs are: below `[api] base_url`, or of this very site."""
    return conf.get("api", "base_url", fallback="").rstrip("/") + docs_path(model, run)


class DataDocsLink(BaseOperatorLink):
    """The button that opens the Data Docs of a task's run; none before it has left some."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address, from the run's name that the task has left."""
        from airflow.sdk.execution_time.xcom import XCom

        run = XCom.get_value(ti_key=ti_key, key=DOCS_RUN)
        return data_docs_url(operator.model, run) if run else ""
