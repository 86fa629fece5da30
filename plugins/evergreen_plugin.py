"""Evergreen in Airflow's UI: the panel at `/evergreen`, and what leads there: an entry in the
navigation, a tab on every DAG, the buttons of tasks.

Airflow imports this file in every process, workers too. So the web app is made only where it is
asked for: by the API server.
"""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from evergreen.adapters.data_docs import MOUNT
from evergreen.orchestration.links import DataDocsLink, MlflowRunLink, PodLogsLink, ReportLink
from evergreen.orchestration.views import views


class EvergreenPlugin(AirflowPlugin):
    """What Airflow reads of a plugin."""

    name = "evergreen"
    external_views = views()
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
