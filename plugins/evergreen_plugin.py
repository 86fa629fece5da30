"""Evergreen in Airflow's UI: the panel at `/evergreen` and the buttons of tasks that lead there.

Airflow imports this file in every process, workers too. So the web app is made only where it is
asked for: by the API server.
"""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from evergreen.adapters.data_docs import MOUNT
from evergreen.orchestration.links import DataDocsLink, MlflowRunLink, PodLogsLink, ReportLink


class EvergreenPlugin(AirflowPlugin):
    """What Airflow reads of a plugin."""

    name = "evergreen"
    operator_extra_links = [  # noqa: RUF012  (Airflow's own attribute)
        DataDocsLink(),
        ReportLink(),
        MlflowRunLink(),
        PodLogsLink(),
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The panel; it asks for Airflow's login itself."""
        from evergreen.panel.app import make_app

        return [{"app": make_app(), "url_prefix": MOUNT, "name": "Evergreen"}]
