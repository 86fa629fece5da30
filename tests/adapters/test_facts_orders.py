"""Facts of orders, each fault by its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_day import DAY, KEY, drop, row
from made_impressions import HOUR, orders

from evergreen.adapters import facts_order_rows, facts_orders
from evergreen.adapters.facts import order_facts
from evergreen.adapters.lake import Lake
from evergreen.domain.windows import HOUR as ONE_HOUR
from evergreen.domain.windows import Window, hour_key

ROWS = 40
COUNTED = ("outside_hour", "null_ids", "negative_prices", "missing_prices", "quantities_below_1")
BEFORE = HOUR - timedelta(days=2)


def land(lake: Lake, hour: datetime = HOUR, **columns: Any) -> None:
    lake.land_hour("orders", hour, orders(hour, rows=ROWS, **columns))


def said_of(lake: Lake, **columns: Any) -> dict[str, Any]:
    drop(lake, orders(rows=ROWS, **columns), table="orders")
    return row(order_facts(lake, DAY))


def with_some(column: str, values: dict[int, Any]) -> dict[str, list[Any]]:
    body = orders(rows=ROWS)[column].to_list()
    return {column: [values.get(at, value) for at, value in enumerate(body)]}


def test_good_lines(lake: Lake) -> None:
    said = said_of(lake, quantity=list(range(1, ROWS + 1)))
    assert (said["closed"], said["readable"], said["contract"], said["rows"]) == (*[True] * 3, 40)
    assert {fact: said[fact] for fact in COUNTED} == dict.fromkeys(COUNTED, 0)
    assert (said["duplicate_rows"], said["repeated_lines"], said["quantity_max"]) == (0, 0, 40)
    assert {said[f] for f in ("price_ratio", "new_items", "new_countries")} == {None}


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("order_time", {0: HOUR - timedelta(seconds=1), 1: HOUR + ONE_HOUR}, {"outside_hour": 2}),
        ("order_time", {0: None}, {"outside_hour": 1}),
        ("order_id", {0: None}, {"null_ids": 1}),
        ("item_id", {0: None, 1: None}, {"null_ids": 2}),
        ("order_id", {0: ""}, {"null_ids": 1}),
        ("item_id", {0: "", 1: None}, {"null_ids": 2}),
        ("unit_price", {0: -0.01, 1: 0.0}, {"negative_prices": 1}),
        (
            "unit_price",
            {0: None, 1: float("nan"), 2: float("inf"), 3: -float("inf")},
            {"missing_prices": 4, "negative_prices": 1},
        ),
        ("quantity", {0: 0, 1: -3, 2: None}, {"quantities_below_1": 3}),
    ],
)
def test_one_fault(
    lake: Lake, column: str, values: dict[int, Any], expected: dict[str, int]
) -> None:
    said = said_of(lake, **with_some(column, values))
    assert {fact: said[fact] for fact in COUNTED if said[fact]} == expected


def test_equal_lines(lake: Lake) -> None:
    frame = orders(rows=ROWS, line=0)
    drop(lake, pl.concat([frame, frame[:10]]), table="orders")
    assert row(order_facts(lake, DAY))["duplicate_rows"] == 10 / 50
    another = frame[:10].with_columns(line=pl.lit(1, pl.Int32))
    drop(lake, pl.concat([frame, another]), table="orders")
    assert row(order_facts(lake, DAY))["duplicate_rows"] == 0


def test_lines_of_another_hour(lake: Lake) -> None:
    land(lake)
    land(lake, HOUR + ONE_HOUR)
    found = order_facts(lake, DAY)
    assert row(found)["repeated_lines"] == 0
    assert row(found, hour_key(HOUR + ONE_HOUR))["repeated_lines"] == 1
    assert row(found, "day")["repeated_lines"] == 0.5
    land(lake, DAY.start - ONE_HOUR)
    assert row(order_facts(lake, DAY))["repeated_lines"] == 1
    land(lake, DAY.start - ONE_HOUR, order_id="other")
    assert row(order_facts(lake, DAY))["repeated_lines"] == 0


def test_prices_against_those_of_four_weeks(lake: Lake) -> None:
    land(lake, BEFORE, unit_price=2.0)
    land(lake, BEFORE - ONE_HOUR, unit_price=3.0)
    land(lake, BEFORE - 2 * ONE_HOUR, unit_price=-9.0)  # no price
    assert said_of(lake, unit_price=250.0)["price_ratio"] == 100
    assert row(order_facts(lake, DAY), "day")["price_ratio"] == 100
    few = [f"i{at}" if at < 29 else f"new{at}" for at in range(ROWS)]
    said = said_of(lake, item_id=few)
    assert (said["price_ratio"], said["new_items"]) == (None, 11 / 40)


def test_the_price_of_the_day_is_the_median_of_its_lines(lake: Lake) -> None:
    land(lake, BEFORE, unit_price=1.0)
    land(lake, HOUR, unit_price=2.0)
    lake.land_hour("orders", HOUR + ONE_HOUR, orders(HOUR + ONE_HOUR, rows=10, unit_price=5.0))
    found = order_facts(lake, DAY)
    assert row(found, "day")["price_ratio"] == 2
    assert row(found, hour_key(HOUR + ONE_HOUR))["price_ratio"] is None


def test_countries(lake: Lake) -> None:
    land(lake, BEFORE, country="UK")
    said = said_of(lake, country=["UK"] * 30 + ["Mars"] * 5 + [None] * 5)
    assert said["new_countries"] == 5 / 35
    assert said_of(lake)["new_countries"] is None


def test_old_history_is_no_history(lake: Lake) -> None:
    land(lake, DAY.start - timedelta(days=28) - ONE_HOUR)
    assert said_of(lake)["new_items"] is None
    land(lake, DAY.start - timedelta(days=28), item_id="other")
    assert said_of(lake)["new_items"] == 1


def test_the_newest_hours_of_a_long_history(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    land(lake, BEFORE, unit_price=2.0)
    land(lake, BEFORE - ONE_HOUR, unit_price=4.0)
    assert said_of(lake, unit_price=6.0)["price_ratio"] == 2
    monkeypatch.setattr(facts_orders, "HISTORY_ROWS", ROWS)
    assert said_of(lake, unit_price=6.0)["price_ratio"] == 3


def test_an_hour_that_breaks_the_contract(lake: Lake) -> None:
    land(lake, HOUR + ONE_HOUR)
    drop(lake, orders(rows=ROWS).cast({"unit_price": pl.String}), table="orders")
    found = order_facts(lake, DAY)
    said = row(found)
    assert (said["readable"], said["contract"], said["rows"]) == (True, False, 40)
    assert "'unit_price' is String, expected Float64" in said["problem"]
    assert said["null_ids"] is None
    other = row(found, hour_key(HOUR + ONE_HOUR))
    assert (other["contract"], other["null_ids"], other["rows"]) == (True, 0, 40)


def test_hours_with_other_columns(lake: Lake) -> None:
    drop(lake, orders(rows=ROWS, line=3, note="x"), table="orders")
    drop(lake, orders(BEFORE, rows=ROWS, country="UK"), hour=BEFORE, table="orders")
    said = row(order_facts(lake, DAY))
    assert (said["contract"], said["rows"], said["duplicate_rows"]) == (True, 40, 0)
    assert said["new_items"] == 0


def test_an_hour_in_several_files(lake: Lake) -> None:
    for part in (0, 1):
        drop(lake, orders(rows=ROWS), table="orders", part=part)
    said = row(order_facts(lake, DAY))
    assert (said["rows"], said["duplicate_rows"]) == (80, 0.5)


def test_hours_without_orders(lake: Lake) -> None:
    lake.land_hour("orders", HOUR, None)
    said = row(order_facts(lake, DAY))
    assert (said["closed"], said["readable"], said["contract"], said["rows"]) == (*[True] * 3, 0)
    assert (said["null_ids"], said["duplicate_rows"], said["unexpected_rows"]) == (None, None, 0)


def test_weeks_and_batches(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    window = Window(DAY.start - timedelta(days=14), DAY.end)
    for n, hour in enumerate(list(window.hours())[::7]):
        frame = orders(hour, rows=1 + n % 5, order_id=f"o{n % 40}", country=f"c{n % 3}")
        lake.land_hour("orders", hour, frame)
    at_once = order_facts(lake, window)
    assert at_once.height == 15 * 24 + 1
    assert row(at_once, "day")["repeated_lines"] > 0
    monkeypatch.setattr(facts_order_rows, "TOGETHER_ROWS", 6)
    assert at_once.equals(order_facts(lake, window))

    def fail(*_: object) -> pl.DataFrame:
        raise pl.exceptions.SchemaError("as when columns differ")

    monkeypatch.setattr(facts_order_rows, "_read_at_once", fail)
    assert at_once.equals(order_facts(lake, window))


def test_own_names_of_columns(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path), {"unit_price": "price"})
    drop(lake, orders(rows=ROWS, unit_price=-1.0).rename({"unit_price": "price"}), table="orders")
    assert row(order_facts(lake, DAY), KEY)["negative_prices"] == 40
