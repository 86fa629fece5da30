"""What the facts say of hours that are missing, broken, too few or too many."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from made_day import DAY, drop, facts, row
from made_impressions import HOUR, impressions, orders

from evergreen.adapters.lake import Lake
from evergreen.domain.errors import LakeUnreachable
from evergreen.domain.windows import HOUR as ONE_HOUR
from evergreen.domain.windows import hour_key

WEEK = timedelta(days=7)


def test_a_row_for_every_hour_and_the_day(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=10))
    found = facts(lake)
    assert found.impressions["scope"].to_list() == [*map(hour_key, DAY.hours()), "day"]
    assert set(found.impressions["subject"]) == {""}
    assert found.orders is None
    said = row(found.impressions)
    assert (said["closed"], said["readable"], said["contract"]) == (True, True, True)
    assert (said["rows"], said["generation"], said["problem"]) == (10, 1, "")
    assert (said["unexpected_rows"], said["row_ratio"]) == (0, None)


def test_a_missing_hour_has_no_facts(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=10))
    said = row(facts(lake).impressions, hour_key(HOUR + ONE_HOUR))
    assert said.pop("closed") is False
    assert (said.pop("rows"), said.pop("problem"), said.pop("subject")) == (0, "", "")
    said.pop("scope")
    assert set(said.values()) == {None}


def test_the_day_is_the_sum_of_its_hours(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=10))
    lake.land_hour("impressions", HOUR + ONE_HOUR, impressions(HOUR + ONE_HOUR, rows=5))
    lake.land_hour("impressions", HOUR + ONE_HOUR, impressions(HOUR + ONE_HOUR, rows=20))
    day = row(facts(lake).impressions, "day")
    assert (day["rows"], day["generation"], day["closed"]) == (30, 2, False)
    assert (day["readable"], day["contract"], day["unexpected_rows"]) == (True, True, 0)


def test_a_day_of_closed_hours(lake: Lake) -> None:
    for hour in DAY.hours():
        lake.land_hour("impressions", hour, None)
    found = facts(lake).impressions
    assert found["closed"].all()
    assert row(found, "day")["rows"] == 0
    assert row(found)["contract"] is True  # an hour without rows keeps every promise


def test_an_empty_lake(lake: Lake) -> None:
    found = facts(lake)
    assert found.impressions["rows"].to_list() == [0] * 25
    assert (found.features.height, found.rows.height) == (0, 0)


@pytest.mark.parametrize("table", ["impressions", "orders"])
def test_a_truncated_file(lake: Lake, table: str) -> None:
    frame = impressions(rows=10) if table == "impressions" else orders(rows=10)
    path = drop(lake, frame, table=table)
    (path.parent / "_SUCCESS").write_text(closing_text(path, rows=10))
    path.write_bytes(path.read_bytes()[:-20])
    found = facts(lake)
    said = row(found.orders if table == "orders" else found.impressions)
    assert (said["closed"], said["readable"], said["contract"]) == (True, False, None)
    assert said["problem"].startswith("FileCorrupt: ")
    assert str(path) in said["problem"]
    assert (said["rows"], said["unexpected_rows"]) == (0, None)


def closing_text(path: Path, *, rows: int) -> str:
    """Return a `_SUCCESS` that names this file."""
    file = {"path": f"{path.parent.name}/{path.name}", "size": 1, "rows": rows}
    said = {"rows": rows, "closed_at": HOUR.isoformat(), "generation": 3, "files": [file]}
    return json.dumps(said)


def test_a_file_that_is_gone_or_empty(lake: Lake) -> None:
    path = drop(lake, impressions(rows=10))
    (path.parent / "_SUCCESS").write_text(closing_text(path, rows=10))
    path.write_bytes(b"")
    assert row(facts(lake).impressions)["readable"] is False
    path.unlink()
    said = row(facts(lake).impressions)
    assert (said["readable"], said["generation"]) == (False, 3)


@pytest.mark.parametrize("table", ["impressions", "orders"])
def test_broken_pages(lake: Lake, table: str) -> None:
    frame = impressions(rows=2_000) if table == "impressions" else orders(rows=2_000)
    path = drop(lake, frame, table=table)
    raw = bytearray(path.read_bytes())
    raw[100:2_000] = bytes(1_900)
    path.write_bytes(raw)
    found = facts(lake)
    assert row(found.orders if table == "orders" else found.impressions)["readable"] is False


def test_a_success_that_is_no_json(lake: Lake) -> None:
    path = drop(lake, impressions())
    (path.parent / "_SUCCESS").write_text("{")
    said = row(facts(lake).impressions)
    assert (said["closed"], said["readable"], said["generation"]) == (True, False, None)
    assert "does not close an hour" in said["problem"]


@pytest.mark.parametrize("table", ["impressions", "orders"])
def test_more_rows_than_success_says(lake: Lake, table: str) -> None:
    frame = impressions(rows=10) if table == "impressions" else orders(rows=10)
    path = drop(lake, frame, table=table)
    (path.parent / "_SUCCESS").write_text(closing_text(path, rows=13))
    found = facts(lake)
    said = row(found.orders if table == "orders" else found.impressions)
    assert (said["rows"], said["unexpected_rows"], said["generation"]) == (10, 3, 3)


def test_broken_hours_do_not_stop_the_others(lake: Lake) -> None:
    path = drop(lake, impressions(rows=10))
    path.write_bytes(b"PAR1")
    drop(lake, impressions(HOUR + ONE_HOUR, rows=7), hour=HOUR + ONE_HOUR)
    found = facts(lake).impressions
    assert row(found)["readable"] is False
    assert row(found, hour_key(HOUR + ONE_HOUR))["rows"] == 7
    day = row(found, "day")
    assert (day["readable"], day["rows"]) == (False, 7)
    assert day["problem"].startswith("FileCorrupt")


def test_a_column_is_missing(lake: Lake) -> None:
    drop(lake, impressions(rows=10).drop("clicked"))
    said = row(facts(lake).impressions)
    assert (said["readable"], said["contract"], said["rows"]) == (True, False, 10)
    assert "ColumnMissing" in said["problem"]
    assert "'clicked'" in said["problem"]
    assert said["outside_hour"] is None


def test_the_time_zone_is_lost(lake: Lake) -> None:
    naive = impressions(rows=10).with_columns(pl.col("event_time").dt.replace_time_zone(None))
    drop(lake, naive)
    said = row(facts(lake).impressions)
    assert (said["contract"], said["rows"]) == (False, 10)
    assert "'event_time' is Datetime" in said["problem"]


def test_swapped_columns(lake: Lake) -> None:
    swapped = {"clicked": "source", "source": "clicked"}
    drop(lake, impressions(rows=10).rename(swapped))
    assert row(facts(lake).impressions)["contract"] is False


def test_the_rows_of_a_week_before(lake: Lake) -> None:
    for hour in DAY.hours():
        lake.land_hour("impressions", hour - WEEK, impressions(hour - WEEK, rows=20))
        lake.land_hour("impressions", hour, impressions(hour, rows=5 if hour < HOUR else 10))
    lake.land_hour("impressions", HOUR - WEEK, None)
    found = facts(lake).impressions
    assert row(found)["row_ratio"] is None  # nothing to be compared with
    assert row(found, hour_key(HOUR + ONE_HOUR))["row_ratio"] == 0.5
    assert row(found, "day")["row_ratio"] == (12 * 5 + 12 * 10) / (23 * 20)


def test_the_day_before_a_week_is_mostly_unknown(lake: Lake) -> None:
    for hour in list(DAY.hours())[:11]:
        lake.land_hour("impressions", hour - WEEK, impressions(hour - WEEK, rows=20))
    lake.land_hour("impressions", HOUR - 12 * ONE_HOUR, impressions(HOUR - 12 * ONE_HOUR, rows=5))
    found = facts(lake).impressions
    assert row(found, hour_key(DAY.start))["row_ratio"] == 0.25
    assert row(found, "day")["row_ratio"] is None


def test_a_lake_out_of_reach_is_no_fact(lake: Lake) -> None:
    drop(lake, impressions())

    def refuse(*_: object) -> bytes:
        raise PermissionError("no")

    lake.files._backend.read = refuse  # type: ignore[method-assign]
    with pytest.raises(LakeUnreachable):
        facts(lake)
