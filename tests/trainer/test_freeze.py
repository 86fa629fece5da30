"""The run key: the same inputs give the same run, anything that matters gives another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_shop import MODEL, START, Shop, land, make_models, spec_body
from mini_shop import DAY, GATE, ORDERS, TRAIN, UNTIL, validate

from evergreen.domain.errors import (
    FileCorrupt,
    HourNotClosed,
    ModelSpecInvalid,
    WindowEmpty,
    WindowInvalid,
)
from evergreen.domain.windows import Window, floor_hour
from evergreen.trainer.manifest import RunDir

BUSY = floor_hour(ORDERS["order_time"][0])


def key_of(shop: Shop, **asked: Any) -> str:
    return str(shop.freeze(**{"until": UNTIL, **asked})["run_key"])


def orders_of(hour: datetime) -> pl.DataFrame:
    return ORDERS.filter(pl.col("order_time").dt.truncate("1h") == hour)


def test_the_same_again_is_the_same_run(mini: Shop) -> None:
    first = mini.freeze(until=UNTIL)
    manifest = Path(first["run_dir"], "manifest.json")
    before = manifest.stat().st_mtime_ns
    assert mini.freeze(until=UNTIL, reason="again") == {**first, "reason": "again"}
    assert manifest.stat().st_mtime_ns == before
    assert len(mini.ledger.runs(MODEL)) == 1
    assert len(first["run_key"]) == 16


def test_what_the_manifest_says(mini: Shop) -> None:
    frozen = mini.freeze(until=UNTIL)
    manifest = RunDir(frozen["run_dir"]).manifest()
    assert manifest["run_key"] == frozen["run_key"]
    assert manifest["window"] == {
        "start": (UNTIL - 3 * DAY).isoformat(),
        "end": UNTIL.isoformat(),
    }
    assert manifest["lookback_start"] == START.isoformat()
    rows = ORDERS.filter(pl.col("order_time") < UNTIL).height
    assert sum(file["rows"] for file in manifest["files"]) == frozen["rows"] == rows
    assert {file["generation"] for file in manifest["files"]} == {1}
    assert validate(mini, frozen) == {
        "rows": rows,
        "files": frozen["files"],
        "hours_validated": 28,  # those with orders
        "quarantined_hours": [],
    }
    assert validate(mini, frozen)["hours_validated"] == 0, "once a generation"


def test_until_is_the_newest_closed_hour(mini: Shop) -> None:
    assert mini.freeze(until=None)["window"]["end"] == (START + 5 * DAY).isoformat()


def test_an_hour_that_was_landed_again_is_another_run(mini: Shop) -> None:
    before = key_of(mini)
    mini.lake.land_hour("orders", BUSY, orders_of(BUSY))
    assert key_of(mini) != before


def test_hours_outside_the_window_do_not_matter(mini: Shop) -> None:
    before = key_of(mini)
    late = UNTIL + timedelta(hours=9)
    mini.lake.land_hour("orders", late, orders_of(late))
    assert key_of(mini) == before


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"train": {**TRAIN, "rounds": 31}}, False),
        ({"train": {**TRAIN, "seed": 8}}, False),
        ({"train": {**TRAIN, "deadline": "9h"}}, True),
        ({"train": {**TRAIN, "params": {"eta": 0.2}}}, False),
        ({"gate": {**GATE, "k": 4}}, False),
        ({"features": {"numeric": ["price"]}}, False),
        ({"columns": {"country": "land"}}, False),
        ({"compute": {"image": "trainer:2"}}, False),
        ({"monitor": {"confidence": 0.99, "ctr": {"max_drop": 0.3}}}, True),
        ({"validate": {"min_hours": 3}}, True),
        ({"lake": {"late_after": "1h"}}, True),
        ({"deploy": {"probation": "24h"}}, True),
        ({"compute": {"cpu": 4}}, True),
    ],
)
def test_which_sections_of_the_spec_matter(mini: Shop, change: dict[str, Any], same: bool) -> None:
    before = key_of(mini)
    make_models(mini.models_dir, spec_body(**{"train": TRAIN, "gate": GATE, **change}))
    assert (key_of(mini) == before) is same


def test_the_models_code_matters(mini: Shop) -> None:
    before = key_of(mini)
    with (mini.models_dir / MODEL / "features.py").open("a") as file:
        file.write("# a comment\n")
    assert key_of(mini) != before
    (mini.models_dir / MODEL / "features.py").unlink()
    with pytest.raises(ModelSpecInvalid, match=r"features.py: No such file or directory"):
        key_of(mini)


def test_the_window_matters(mini: Shop) -> None:
    keys = {key_of(mini), key_of(mini, window=4 * DAY), key_of(mini, until=UNTIL + DAY)}
    assert len(keys) == 3
    assert key_of(mini, window=3 * DAY) in keys


def test_force_trains_again_what_was_trained(mini: Shop) -> None:
    assert key_of(mini, force=True) == key_of(mini)  # nothing was trained before
    keys = [key_of(mini), key_of(mini, force=True), key_of(mini, force=True)]
    assert len(set(keys)) == 3
    assert key_of(mini) == keys[0]


def test_the_run_is_in_the_ledger(mini: Shop) -> None:
    key = key_of(mini, reason="new season", trigger="asset")
    run = mini.ledger.run(key)
    assert run is not None
    assert (run.trigger, run.verdict, run.manifest["reason"]) == ("asset", None, "new season")


# Windows that cannot be trained on


def test_holes_are_named(mini: Shop) -> None:
    hours = [START + timedelta(days=2, hours=h) for h in range(1, 8)]
    for hour in hours:
        mini.lake.files.remove(f"orders/hour={hour:%Y-%m-%dT%H}/_SUCCESS")
    frozen = mini.freeze(until=UNTIL)
    assert frozen["missing_hours"] == [f"{hour:%Y-%m-%dT%H}" for hour in hours]
    with pytest.raises(HourNotClosed) as caught:
        validate(mini, frozen)
    assert str(caught.value) == (
        "7 hours of the training window are not closed: 2011-03-09T01, 2011-03-09T02, "
        "2011-03-09T03, 2011-03-09T04, 2011-03-09T05 …; land them (an hour without events is "
        "closed with zero rows), then start the retraining again"
    )


def test_holes_that_are_closed_as_advised_are_closed(mini: Shop) -> None:
    """Zero rows add no file, so that only the hole itself tells the two windows apart."""
    hole = START + timedelta(days=2, hours=3)
    mini.lake.files.remove(f"orders/hour={hole:%Y-%m-%dT%H}/_SUCCESS")
    with pytest.raises(HourNotClosed):
        validate(mini, mini.freeze(until=UNTIL))
    mini.lake.land_hour("orders", hole, None)
    assert validate(mini, mini.freeze(until=UNTIL))["rows"] > 0


def test_the_lake_ends_before_the_window(mini: Shop) -> None:
    frozen = mini.freeze(until=START + timedelta(days=5, hours=2))
    assert frozen["missing_hours"] == ["2011-03-12T00", "2011-03-12T01"]


def test_a_lake_that_begins_later_has_no_hole(mini: Shop) -> None:
    assert mini.freeze(until=UNTIL, window=6 * DAY)["missing_hours"] == []


def test_no_orders_in_the_window(mini: Shop, tmp_path: Path) -> None:
    with pytest.raises(WindowEmpty, match=r"no orders in \[2012-01-01T00, 2012-01-05T00\) of "):
        mini.freeze(until=datetime(2012, 1, 5, tzinfo=UTC))
    empty = Shop(mini.home, tmp_path / "nothing", mini.models_dir)
    with pytest.raises(WindowEmpty, match="orders has no closed hour; land hours first"):
        empty.freeze(until=None)


def test_hours_without_orders_are_an_empty_window(mini: Shop) -> None:
    day = START + 20 * DAY
    land(mini.lake, ORDERS, Window(day, day + DAY))
    with pytest.raises(WindowEmpty, match="no orders in"):
        mini.freeze(until=day + DAY)


@pytest.mark.parametrize("window", [timedelta(hours=80), 2 * DAY, timedelta(0)])
def test_a_window_that_is_too_short_or_no_whole_days(mini: Shop, window: timedelta) -> None:
    if window:
        with pytest.raises(WindowInvalid, match=r"must be whole days and longer than train.valid"):
            mini.freeze(until=UNTIL, window=window)
    else:  # not asked for: the spec's
        assert mini.freeze(until=UNTIL, window=window)["window"]["end"] == UNTIL.isoformat()


def test_until_is_on_the_hour_with_its_zone(mini: Shop) -> None:
    with pytest.raises(WindowInvalid, match="is not on the hour"):
        mini.freeze(until=UNTIL + timedelta(minutes=1))
    with pytest.raises(WindowInvalid, match="has no time zone"):
        mini.freeze(until=UNTIL.replace(tzinfo=None))


def test_a_file_that_was_written_over(mini: Shop) -> None:
    frozen = mini.freeze(until=UNTIL)
    validate(mini, frozen)
    path = RunDir(frozen["run_dir"]).manifest()["files"][0]["path"]
    whole = mini.lake_url / MODEL / "orders" / path
    less = pl.read_parquet(whole).head(1)
    whole.unlink()  # the file may be shared with other tests' lakes
    less.write_parquet(whole)
    with pytest.raises(FileCorrupt, match=r"an hour was written over in place\. Land it again"):
        validate(mini, frozen)
    whole.write_bytes(b"PAR1")
    with pytest.raises(FileCorrupt, match=rf"{path} cannot be read as Parquet"):
        validate(mini, frozen)


def promote_by_hand(shop: Shop, version: int, as_of: datetime) -> None:
    shop.ledger.release(
        MODEL,
        version,
        expected=None,
        kind="promotion",
        run_key="k",
        as_of=as_of,
        reason="by hand",
        evidence={},
    )


def test_fresh_goes_on_from_the_champion_of_the_first_freeze(mini: Shop) -> None:
    train = {**TRAIN, "variants": ["full_28d", "fresh_24h"]}
    make_models(mini.models_dir, spec_body(train=train, gate=GATE))
    first = mini.freeze(until=UNTIL)
    assert RunDir(first["run_dir"]).manifest()["base"] is None
    promote_by_hand(mini, 3, UNTIL - DAY)
    again = mini.freeze(until=UNTIL)
    assert again["run_key"] == first["run_key"]  # it is not in the key: the first manifest stands
    assert RunDir(again["run_dir"]).manifest()["base"] is None
    mini.lake.land_hour("orders", BUSY, orders_of(BUSY))
    other = mini.freeze(until=UNTIL)
    assert RunDir(other["run_dir"]).manifest()["base"] == {
        "version": 3,
        "as_of": (UNTIL - DAY).isoformat(),
    }


def test_the_manifest_has_the_ledgers_digests_of_released_models(mini: Shop) -> None:
    """Steps in pods have no ledger to compare a registered model with."""
    promote_by_hand(mini, 3, UNTIL - DAY)
    mini.ledger.release(
        "also_bought",
        4,
        expected=3,
        kind="promotion",
        run_key="k4",
        as_of=UNTIL - DAY,
        reason="better",
        evidence={"model_sha256": "abc"},
    )
    frozen = RunDir(mini.freeze(until=UNTIL)["run_dir"]).manifest()
    assert frozen["model_digests"] == {"4": "abc"}  # version 3 is of an older Evergreen


def test_without_fresh_there_is_no_base(mini: Shop) -> None:
    promote_by_hand(mini, 3, UNTIL - DAY)
    assert "base" not in RunDir(mini.freeze(until=UNTIL)["run_dir"]).manifest()
