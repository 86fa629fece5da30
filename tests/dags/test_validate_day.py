"""A closed day is whole, or the report says which hour of which table is not, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from dag_files import dags

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.adapters.lake import Lake
from evergreen.monitor.validate_day import PROBLEMS_KEPT, DayReport, validate_day
from evergreen.orchestration.validating import AlertDay

DAY = datetime(2011, 5, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
HOURS = [DAY + timedelta(hours=hour) for hour in range(24)]


def impressions(hour: datetime, rows: int) -> pl.DataFrame | None:
    if not rows:
        return None
    return pl.DataFrame(
        {
            "event_time": [hour] * rows,
            "page_view_id": ["p"] * rows,
            "user_id": [None] * rows,
            "context_item_id": ["a"] * rows,
            "item_id": ["b"] * rows,
            "position": [1] * rows,
            "score": [0.5] * rows,
            "model_version": ["1"] * rows,
            "clicked": [False] * rows,
            "source": ["model"] * rows,
        },
        schema_overrides={
            "event_time": pl.Datetime("us", "UTC"),
            "user_id": pl.String,
            "position": pl.Int8,
            "score": pl.Float32,
        },
    )


@pytest.fixture
def lake(add_model: Callable[..., str]) -> Lake:
    return open_lake(spec_of(add_model()))


def land_day(lake: Lake, rows: int, start: datetime = DAY, hours: int = 24) -> None:
    """Land hours with these rows each."""
    for number in range(hours):
        hour = start + timedelta(hours=number)
        lake.land_hour("impressions", hour, impressions(hour, rows))


def report(lake: Lake) -> DayReport:
    return validate_day(spec_of("shop"), DAY, lake=lake)


def test_a_whole_day_passes(lake: Lake) -> None:
    land_day(lake, 2)
    found = report(lake)
    assert found.passed
    assert (found.hours, found.rows) == ({"impressions": 24}, {"impressions": 48})
    assert found.rows_week_before == {"impressions": None}


def test_a_day_without_events_is_whole_when_its_hours_are_closed(lake: Lake) -> None:
    land_day(lake, 0, start=DAY - WEEK)
    land_day(lake, 0)
    assert report(lake).passed


def test_an_empty_lake_does_not_pass(lake: Lake) -> None:
    found = report(lake)
    assert found.verdict == "failed"
    assert found.problems == (
        "impressions: 0 closed hours, expected 24 or more; "
        "not closed: 2011-05-02T00, 2011-05-02T01, 2011-05-02T02 …",
    )


def test_missing_hours_are_named(lake: Lake) -> None:
    land_day(lake, 1, hours=23)
    assert report(lake).problems == (
        "impressions: 23 closed hours, expected 24 or more; not closed: 2011-05-02T23",
    )


def test_orders_count_once_there_are_any(lake: Lake) -> None:
    land_day(lake, 1)
    lake.land_hour("orders", DAY, None)
    (problem,) = report(lake).problems
    assert problem.startswith("orders: 1 closed hours, expected 24 or more")


@pytest.mark.parametrize(("rows", "passed"), [(2, True), (1, False)])
def test_rows_may_drop_by_max_row_drop(lake: Lake, rows: int, passed: bool) -> None:
    land_day(lake, 10, start=DAY - WEEK)  # 240 rows; max_row_drop 0.8 allows 48
    land_day(lake, rows)
    found = report(lake)
    assert found.passed is passed
    if not passed:
        assert found.problems == (
            "impressions: 24 rows, 90% fewer than the 240 of the same weekday a week before "
            "(max_row_drop 80%)",
        )


def test_a_corrupt_file_is_named(lake: Lake, home: Path) -> None:
    land_day(lake, 1)
    (broken,) = home.glob("lake/shop/impressions/hour=2011-05-02T05/*.parquet")
    broken.write_bytes(b"PAR1 not parquet PAR1")
    (problem,) = report(lake).problems
    assert problem.startswith("FileCorrupt in 2011-05-02T05: ")


def test_another_number_of_rows_than_promised(lake: Lake, home: Path) -> None:
    land_day(lake, 1)
    (file,) = home.glob("lake/shop/impressions/hour=2011-05-02T05/*.parquet")
    frame = pl.read_parquet(file)
    pl.concat([frame, frame]).write_parquet(file)
    assert report(lake).problems == (
        "impressions of 2011-05-02T05: 2 rows found, its _SUCCESS says 1",
    )


def test_problems_are_bounded(lake: Lake, home: Path) -> None:
    land_day(lake, 1)
    for file in home.glob("lake/shop/impressions/*/*.parquet"):
        file.write_bytes(b"")
    assert len(report(lake).problems) == PROBLEMS_KEPT


@pytest.mark.parametrize(("hours", "skipped_branch"), [(24, "alert"), (23, "passed")])
def test_the_task_records_and_branches(
    lake: Lake, context: Callable[..., Any], hours: int, skipped_branch: str
) -> None:
    land_day(lake, 1, hours=hours)
    found = dags()["shop__validate_nightly"].get_task("validate_day")
    run = context(end=DAY + timedelta(hours=26))
    run["ti"].task = found
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        found.execute(run)
    assert list(skipped.value.tasks) in ([skipped_branch], [(skipped_branch, -1)])
    ledger = open_ledger()
    (row,) = [r for r in ledger.measurements("shop", window_of(DAY)) if r.sensor == "validation"]
    assert row.verdict == ("passed" if hours == 24 else "failed")


def window_of(day: datetime) -> Any:
    from evergreen.domain.windows import Window

    return Window(day, day + timedelta(days=1))


@pytest.mark.parametrize(("run_type", "posted"), [("scheduled", 1), ("backfill", 0)])
def test_a_replay_alerts_nobody(
    lake: Lake, context: Callable[..., Any], run_type: str, posted: int
) -> None:
    from airflow.sdk import DAG

    with DAG("shop__validate_nightly"):
        alert = AlertDay(task_id="alert")
    run = context(
        run_type=run_type,
        end=DAY + timedelta(hours=26),
        xcoms={"validate_day": {"problems": ["no hour 5"]}},
    )
    said = alert.execute(run)
    assert said == "shop: 2011-05-02 failed its validation: no hour 5"
    assert [d.text for d in open_ledger().deliveries("shop")] == [said] * posted
