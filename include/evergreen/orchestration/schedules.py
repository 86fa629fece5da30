"""When the DAGs run: timetables and the options that go with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
)

from evergreen.config.settings import settings

FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # before any lake, so that any hour can be backfilled


def every_hour() -> dict[str, Any]:
    """Return the DAG options for a run after each hour, whose data interval is that hour.

    The timetable is named, because a bare cron text gives runs without an interval in Airflow 3.
    """
    return {"schedule": CronDataIntervalTimetable("0 * * * *", timezone="UTC"), **_since()}


def every_night(hour: int) -> dict[str, Any]:
    """Return the DAG options for a run at this hour (UTC) about the day before.

    A data interval begins after the start date. A trigger's first interval would begin before it,
    and Airflow gives such a run no tasks: it succeeds, and nothing was validated.
    """
    cron = CronDataIntervalTimetable(f"0 {hour} * * *", timezone="UTC")
    return {"schedule": cron, **_since()}


def on_request_or_daily(asset: Asset, hour: int) -> dict[str, Any]:
    """Return the DAG options for a run whenever the asset is updated, and once a day.

    Switching the DAG on waits for the next tick: there is no start date, with which Airflow would
    run the last tick at once, nor the default by which it does so up to a tenth of a day later.
    """
    cron = CronTriggerTimetable(f"0 {hour} * * *", timezone="UTC", run_immediately=timedelta(0))
    return {"schedule": AssetOrTimeSchedule(timetable=cron, assets=[asset])}


def _since() -> dict[str, Any]:
    since = settings().monitor_since
    return {"start_date": since or FIRST, "catchup": since is not None}
