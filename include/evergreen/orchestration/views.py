"""Where Airflow's UI shows the panel in a frame: in its navigation, and as a tab of each DAG."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.sdk.configuration import conf

from evergreen.adapters.data_docs import MOUNT

ROUTE = "evergreen"
"""Of the entry in the navigation: `/plugin/evergreen`."""
TAB_ROUTE = "evergreen-model"
"""Of a DAG's tab: `/dags/<dag>/plugin/evergreen-model`. Airflow wants every route once."""


def views() -> list[dict[str, Any]]:
    """Return the plugin's `external_views`, below the path of `[api] base_url`.

    Airflow shows a tab on every DAG, also on those that are not ours: the panel maps the DAG to its
    model, and says so where there is none.
    """
    base = urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/")
    panel = f"{base}{MOUNT}"
    icon = f"{panel}/icon.svg"
    return [
        {
            "name": "Evergreen",
            "href": f"{panel}/",
            "destination": "nav",
            "url_route": ROUTE,
            "icon": icon,
            "nav_top_level": True,
        },
        {
            "name": "Evergreen",
            "href": f"{panel}/dags/{{DAG_ID}}",
            "destination": "dag",
            "url_route": TAB_ROUTE,
            "icon": icon,
        },
    ]
