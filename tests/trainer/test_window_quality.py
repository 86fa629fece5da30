"""Hours in quarantine are not learned from: left out while few, refused when they appear."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_shop import MODEL, START, Shop
from mini_shop import ORDERS, UNTIL, validate

from evergreen.domain.errors import TooMuchQuarantine, WindowRefused
from evergreen.domain.windows import HOUR, Window, floor_hour
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.window_quality import NIGHT, SENSOR

BUSY = floor_hour(ORDERS["order_time"][0])
KEY = f"{BUSY:%Y-%m-%dT%H}"


def orders_of(hour: datetime, price: float | None = None) -> pl.DataFrame:
    found = ORDERS.filter(pl.col("order_time").dt.truncate("1h") == hour)
    return found if price is None else found.with_columns(unit_price=pl.lit(price))


def hours_of(frozen: dict[str, Any]) -> set[str]:
    files = RunDir(frozen["run_dir"]).manifest()["files"]
    return {file["path"].partition("/")[0].removeprefix("hour=") for file in files}


def quarantine(shop: Shop, hour: datetime, generation: int = 1) -> None:
    shop.ledger.quarantine(MODEL, "orders", hour, generation=generation, reasons=["damaged"])


def damage(shop: Shop) -> dict[str, Any]:
    """Land the busy hour with negative prices and freeze the window that holds it."""
    shop.lake.land_hour("orders", BUSY, orders_of(BUSY, price=-1.0))
    return shop.freeze(until=UNTIL)


def test_an_hour_in_quarantine_is_not_in_the_next_manifest(mini: Shop) -> None:
    before = mini.freeze(until=UNTIL)
    assert KEY in hours_of(before)
    quarantine(mini, BUSY)
    after = mini.freeze(until=UNTIL)
    assert hours_of(before) - hours_of(after) == {KEY}
    assert after["quarantined_hours"] == [KEY]
    assert after["missing_hours"] == [], "left out is not missing"
    assert after["run_key"] != before["run_key"]
    assert after["rows"] == before["rows"] - orders_of(BUSY).height
    assert validate(mini, after)["quarantined_hours"] == [KEY]


def test_other_tables_and_models_leave_orders_alone(mini: Shop) -> None:
    before = mini.freeze(until=UNTIL)
    mini.ledger.quarantine(MODEL, "impressions", BUSY, generation=1, reasons=["damaged"])
    mini.ledger.quarantine("another", "orders", BUSY, generation=1, reasons=["damaged"])
    assert mini.freeze(until=UNTIL)["run_key"] == before["run_key"]


def test_too_much_quarantine_refuses_and_says_what_to_do(mini: Shop) -> None:
    hours = [START + HOUR * n for n in range(5)]
    for hour in hours[:4]:
        quarantine(mini, hour)
    assert len(mini.freeze(until=UNTIL)["quarantined_hours"]) == 4  # of 96: 4.2 %
    quarantine(mini, hours[4])
    with pytest.raises(TooMuchQuarantine) as caught:
        mini.freeze(until=UNTIL)
    assert str(caught.value) == (
        f"5 of the 96 closed hours of orders in {Window(START, UNTIL)} are in quarantine (5.2%), "
        "5.0% is allowed (validate.max_quarantined_share of also_bought): "
        + ", ".join(f"{hour:%Y-%m-%dT%H}" for hour in hours)
        + "; see the reasons with `evergreen quarantine list --model also_bought`, then mend the "
        "hours and land them again, or release those that are right"
    )


def test_a_damaged_hour_blocks_the_window_and_the_next_one_leaves_it_out(mini: Shop) -> None:
    frozen = damage(mini)
    rows = orders_of(BUSY).height
    with pytest.raises(WindowRefused) as caught:
        validate(mini, frozen)
    assert str(caught.value) == (
        f"1 hours of orders in the training window are in quarantine: {KEY} (orders {KEY}: "
        f"negative_prices is {rows}, expected otherwise). Start the retraining again: it leaves "
        f"them out. Or land them again, or see `evergreen quarantine show --model also_bought "
        f"--hour {KEY}`"
    )
    with pytest.raises(WindowRefused):  # a retry of the task says the same
        validate(mini, frozen)
    again = mini.freeze(until=UNTIL)
    assert KEY not in hours_of(again)
    assert validate(mini, again)["hours_validated"] == 0, "all were judged with the first window"


def test_its_pages_are_kept(mini: Shop) -> None:
    frozen = damage(mini)
    with pytest.raises(WindowRefused):
        validate(mini, frozen)
    root = Path(mini.settings.docs_root(MODEL))
    assert (root / f"window-{frozen['run_key']}" / "index.html").is_file()


def test_landed_again_it_is_judged_again(mini: Shop) -> None:
    """The night lets it out: a look at the hour alone says nothing of its day."""
    with pytest.raises(WindowRefused):
        validate(mini, damage(mini))
    mini.lake.land_hour("orders", BUSY, orders_of(BUSY))
    mended = mini.freeze(until=UNTIL)
    assert KEY in hours_of(mended)
    assert validate(mini, mended)["hours_validated"] == 1
    assert [r.hour for r in mini.ledger.quarantine_records(MODEL)] == [BUSY]
    window = Window(START, UNTIL)
    (night, alone) = (mini.ledger.measurements(MODEL, window, s) for s in (NIGHT, SENSOR))
    assert (len(night), {m.body["generation"] for m in alone if m.hour == BUSY}) == (0, {3})
    assert validate(mini, mended)["hours_validated"] == 0


def test_an_hour_whose_day_was_damaged_waits_for_the_night(mini: Shop) -> None:
    """Landed again with the same fault, which only the day shows."""
    frozen = mini.freeze(until=UNTIL)
    generation = mini.lake.require_closed("orders", BUSY).generation
    reasons = ["orders day: price_ratio is 100, expected between 0.2 and 5"]
    mini.ledger.quarantine(MODEL, "orders", BUSY, generation=generation, reasons=reasons)
    mini.lake.land_hour("orders", BUSY, orders_of(BUSY))
    again = mini.freeze(until=UNTIL)
    assert KEY in hours_of(again)
    with pytest.raises(WindowRefused, match=r"evergreen validate day --model .* --day 20") as told:
        validate(mini, again)
    assert KEY in str(told.value)
    assert frozen["run_key"] != again["run_key"]
    assert [r.hour for r in mini.ledger.quarantine_records(MODEL)] == [BUSY]


def test_landed_again_between_freezing_and_validating(mini: Shop) -> None:
    frozen = mini.freeze(until=UNTIL)
    mini.lake.land_hour("orders", BUSY, orders_of(BUSY))
    with pytest.raises(WindowRefused, match=rf"1 hours of orders were landed again .*: {KEY}; st"):
        validate(mini, frozen)
    assert mini.ledger.quarantine_records(MODEL) == []


def test_what_a_person_released_is_learned_from(mini: Shop) -> None:
    frozen = damage(mini)
    with pytest.raises(WindowRefused):
        validate(mini, frozen)
    mini.ledger.release_hour(MODEL, "orders", BUSY, by="person", reason="a sale of returns")
    assert mini.freeze(until=UNTIL)["run_key"] == frozen["run_key"]
    assert validate(mini, frozen)["hours_validated"] == 0


def test_what_the_night_has_judged_is_not_judged_again(mini: Shop) -> None:
    frozen = mini.freeze(until=UNTIL)
    night = {
        hour: ("passed", {"generation": 1, "findings": []})
        for hour in Window(START, UNTIL - timedelta(days=1)).hours()
    }
    mini.ledger.put_measurements(MODEL, NIGHT, night, replay=False)
    newest = f"{UNTIL - timedelta(days=1):%Y-%m-%d}"
    left = sum(hour.startswith(newest) for hour in hours_of(frozen))
    assert (validate(mini, frozen)["hours_validated"], left) == (8, 8)


def test_a_run_that_was_killed_before_it_measured_judges_again(
    mini: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = damage(mini)
    with monkeypatch.context() as patch:
        patch.setattr("evergreen.adapters.ledger.Ledger.put_measurements", _killed)
        with pytest.raises(KeyboardInterrupt):
            validate(mini, frozen)
    assert [r.hour for r in mini.ledger.quarantine_records(MODEL)] == [BUSY]
    with pytest.raises(WindowRefused):
        validate(mini, frozen)
    measured = mini.ledger.measurements(MODEL, Window(START, UNTIL), SENSOR)
    assert {f"{m.hour:%Y-%m-%dT%H}" for m in measured} == hours_of(frozen)


def _killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt
