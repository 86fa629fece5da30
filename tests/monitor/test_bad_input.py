"""Bad input names itself, and what can be judged still is."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from made_world import MODEL, NOON, World, hour_at, profile

from evergreen.domain.windows import Window


def land_day(world: World, **newest: Any) -> None:
    """Land a whole day; `newest` is what is special about its last hour."""
    for hours in range(-23, 0):
        world.land(hour_at(hours))
    world.land(NOON, **newest)


def columns(said: dict[str, Any], view: str) -> dict[str, dict[str, Any]]:
    return {c["column"]: c for c in said["columns"] if c["view"] == view}


def verdicts(said: dict[str, Any], view: str) -> dict[str, str]:
    return {name: str(c["verdict"]) for name, c in columns(said, view).items()}


def test_a_profile_of_another_schema_is_not_enough_data(empty_world: World) -> None:
    empty_world.release(1, body={**profile(), "schema": 1})
    empty_world.land(NOON, clicks=0)
    said = empty_world.judge(NOON)
    problem = (
        "ProfileInvalid: reference profile has schema 1, this version reads 2; retrain the model "
        "to get a new one"
    )
    assert {str(s["verdict"]) for s in said.values()} == {"not_enough_data"}
    assert said["ctr"]["reason"].endswith(f"no floor set ({problem})")
    assert said["drift"]["reason"] == f"no reference profile to compare with ({problem})"
    (counts,) = empty_world.ledger.measurements(MODEL, Window.of_hour(NOON), "hour_counts")
    assert (counts.body["impressions"], counts.body["profile_problem"]) == (200, problem)
    assert empty_world.decide(NOON)["action"] == "warn"


@pytest.mark.parametrize(
    ("price", "problem"),
    [
        (None, "ColumnMissing: "),
        (pl.Series(["dear"] * 200), "ColumnTypeWrong: "),
    ],
    ids=["gone", "text for a number"],
)
def test_a_column_that_cannot_be_read_leaves_the_others(
    world: World, price: pl.Series | None, problem: str
) -> None:
    land_day(world, price=price)
    said = world.judge(NOON)["drift"]
    assert said["verdict"] == "no"
    assert verdicts(said, "1h") == {
        "source": "no",
        "score": "no",
        "price": "not_enough_data",
        "colour": "no",
    }
    assert verdicts(said, "24h")["price"] == "no"  # by the 23 hours before
    why = columns(said, "1h")["price"]["reason"]
    assert why.startswith(problem)
    assert "'price'" in why
    assert world.measure(NOON)["problems"] == {"price": why}


def test_a_column_that_no_hour_has(world: World) -> None:
    world.land(NOON, price=None)
    said = world.judge(NOON)["drift"]
    assert verdicts(said, "24h")["price"] == "not_enough_data"
    assert columns(said, "24h")["price"]["reason"].startswith("ColumnMissing: ")
    assert said["verdict"] == "no"


@pytest.mark.parametrize("kind", ["null", "NaN"])
def test_a_feature_gone_null_is_found_within_the_hour(world: World, kind: str) -> None:
    price = {
        "null": pl.Series([None] * 200, dtype=pl.Float32),
        "NaN": pl.Series([float("nan")] * 200),
    }
    land_day(world, price=price[kind])
    said = world.judge(NOON)["drift"]
    assert said["verdict"] == "yes"
    assert said["reason"].startswith("drifted: price (1h missing: ")
    assert said["importance"] == pytest.approx(0.6)
    assert columns(said, "1h")["price"]["kind"] == "missing"
    assert world.decide(NOON)["action"] == "request_retrain"


def test_levels_that_were_never_seen(world: World) -> None:
    land_day(world, colour=pl.Series(["green"] * 120 + ["red"] * 80))
    said = world.judge(NOON)["drift"]
    assert said["verdict"] == "yes"
    assert columns(said, "1h")["colour"]["kind"] == "new_category"
    assert columns(said, "1h")["price"]["verdict"] == "no"


def test_a_column_that_the_model_does_not_rest_on_is_reported_only(empty_world: World) -> None:
    body = profile()
    body["columns"]["colour"]["importance"] = 0.0
    empty_world.release(1, body=body)
    land_day(empty_world, colour=pl.Series(["green"] * 200))
    said = empty_world.judge(NOON)["drift"]
    assert said["verdict"] == "no"
    assert said["reason"].startswith("drifted: colour (1h new_category: ")
    assert "but it holds 0% of what the model rests on, 10% needed" in said["reason"]


@pytest.mark.parametrize("rows", [0, 1])
def test_an_hour_of_no_row_and_of_one(world: World, rows: int) -> None:
    world.land(NOON, rows=rows, clicks=0) if rows else world.lake.land_hour(
        "impressions", NOON, None
    )
    said = world.judge(NOON)
    assert {str(s["verdict"]) for s in said.values()} == {"not_enough_data"}
    assert said["drift"]["reason"] == f"{rows} impressions in the newest hour, 30 needed"
    assert world.decide(NOON)["action"] == "warn"


def test_closed_and_thin_hours_never_alarm_and_are_never_healthy(world: World) -> None:
    for hours in (-3, -2, -1):
        world.land(hour_at(hours), clicks=2)  # far too few
    world.land(NOON, rows=29, clicks=0)
    world.lake.land_hour("impressions", hour_at(1), None)
    thin, closed = world.judge(NOON)["ctr"], world.judge(hour_at(1))["ctr"]
    assert thin["verdict"] == closed["verdict"] == "not_enough_data"
    assert thin["reason"] == "29 mature impressions in the newest hour, 30 needed"
    assert closed["reason"] == "0 mature impressions in the newest hour, 30 needed"
    assert thin["evidence"] > thin["level"]  # the evidence is kept
    assert world.decide(hour_at(1))["action"] == "warn"
    world.land(hour_at(2), rows=30, clicks=0)
    assert world.judge(hour_at(2))["ctr"]["verdict"] == "yes"
