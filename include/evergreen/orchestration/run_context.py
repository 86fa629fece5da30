"""What a task asks of its DAG run: which hour, which day, a replay or not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from evergreen.domain.windows import HOUR, floor_hour

Context = Mapping[str, Any]
DAY = timedelta(days=1)


def hour_of(context: Context) -> datetime:
    """Return the hour that a run of an hourly DAG is about: the start of its data interval.

    A manual run without one is about the last whole hour before it.
    """
    run = context["dag_run"]
    return floor_hour(run.data_interval_start or run.run_after - HOUR)


def day_of(context: Context) -> datetime:
    """Return the start (UTC) of the last whole day before a nightly run."""
    run = context["dag_run"]
    return floor_hour(run.data_interval_end or run.run_after).replace(hour=0) - DAY


def run_type_of(context: Context) -> str:
    """Return why the run exists: `scheduled`, `manual`, `backfill`, `asset_triggered`…

    Tasks see an enumeration, whose `str()` is `DagRunType.BACKFILL`; other places see the text.
    """
    run_type = context["dag_run"].run_type
    return str(getattr(run_type, "value", run_type))


def is_replay_run(run: Mapping[str, Any]) -> bool:
    """Return the same of a run as Airflow's REST API shows it."""
    conf = run.get("conf") or {}
    return run["run_type"] == "backfill" or bool(conf.get("replay", False))


def is_replay(context: Context) -> bool:
    """Return whether the run recomputes the past: a backfill, or a manual run that says so."""
    return run_type_of(context) == "backfill" or bool(
        context.get("params", {}).get("replay", False)
    )
