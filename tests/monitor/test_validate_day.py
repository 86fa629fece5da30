"""A day is validated: failing hours are in quarantine, passing ones leave it, all on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_world import MODEL, World

from evergreen.adapters.data_docs import DataDocs
from evergreen.adapters.facts import Known
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor import failing_samples
from evergreen.monitor.day_report import DayReport
from evergreen.monitor.failing_samples import FailingSamples
from evergreen.monitor.stale_days import DAYS_A_NIGHT, days_to_validate
from evergreen.monitor.validate_day import validate_day
from made_days import DAY, judge, land_days, orders

NIGHT = datetime(2011, 5, 2, tzinfo=UTC)
BAD = NIGHT + 13 * HOUR
WEEK = timedelta(days=7)
Run = Callable[..., DayReport]


@pytest.fixture
def run(empty_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what validates a day of the world, judged by a few rules."""
    monkeypatch.setattr("evergreen.monitor.validate_day.validate", judge)

    def validated(day: datetime = NIGHT, *, replay: bool = False) -> DayReport:
        return validate_day(
            empty_world.spec,
            day,
            lake=empty_world.lake,
            ledger=empty_world.ledger,
            known=Known(),
            docs=DataDocs(str(tmp_path / "docs")),
            samples=FailingSamples(str(tmp_path / "samples"), MODEL),
            replay=replay,
        )

    return validated


def measured(world: World, sensor: str, day: datetime = NIGHT) -> dict[str, tuple[str, Any]]:
    """Return hour to verdict and body."""
    rows = world.ledger.measurements(MODEL, Window(day, day + DAY), sensor)
    return {f"{row.hour:%H}": (row.verdict, row.body) for row in rows}


def stale(world: World, day: datetime = NIGHT + DAY) -> list[datetime]:
    return days_to_validate(MODEL, day, lake=world.lake, ledger=world.ledger)


def test_a_good_day_passes(empty_world: World, run: Run, tmp_path: Path) -> None:
    land_days(empty_world.lake, NIGHT)
    report = run()
    assert (report.verdict, report.action, report.findings) == ("passed", "passed", ())
    assert report.hours == {"impressions": 24, "orders": 24}
    assert report.rows == {"impressions": 288, "orders": 120}
    assert empty_world.ledger.quarantine_records(MODEL, active=False) == []
    for table in ("impressions", "orders"):
        hours = measured(empty_world, f"validation_{table}")
        assert len(hours) == 24
        assert set(map(str, hours.values())) == {"('passed', {'generation': 1, 'findings': []})"}
    assert measured(empty_world, "validation")["00"] == ("passed", report.body())
    assert (tmp_path / "docs" / "2011-05-02" / "index.html").is_file()


def test_an_hour_with_an_error_is_put_aside_with_its_rows(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT)
    empty_world.lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))
    report = run()
    assert (report.verdict, report.action) == ("failed", "quarantine_hours")
    assert report.quarantined == ("orders 2011-05-02T13",)  # the day's other thin hours are not
    (record,) = empty_world.ledger.quarantine_records(MODEL)
    assert (record.hour, record.generation) == (BAD, 2)
    assert record.reasons == ["orders 2011-05-02T13: negative_prices is 5, expected otherwise"]
    rows = pl.read_parquet(f"{record.sample}/negative_prices.parquet")
    assert rows["unit_price"].to_list() == [-2.5] * 5
    assert set(rows["user_id"].str.len_chars()) == {16}  # hashed
    verdict, body = measured(empty_world, "validation_orders")["13"]
    assert (verdict, body) == ("failed", {"generation": 2, "findings": record.reasons})
    assert measured(empty_world, "validation_orders")["12"][0] == "passed"
    assert measured(empty_world, "validation_impressions")["13"][0] == "passed"


def test_an_hour_that_is_landed_again_leaves_quarantine(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT, days=2)
    empty_world.lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))
    run()
    assert stale(empty_world) == [NIGHT + DAY]
    empty_world.lake.land_hour("orders", BAD, orders(BAD))
    assert stale(empty_world) == [NIGHT, NIGHT + DAY]
    report = run()
    assert (report.action, report.released) == ("passed", ("orders 2011-05-02T13",))
    (record,) = empty_world.ledger.quarantine_records(MODEL, active=False)
    assert (record.released_by, record.release_reason) == (
        "validation",
        "passed validation (generation 3)",
    )
    assert not list(Path(str(record.sample)).iterdir())  # its rows are no fault's any more
    assert stale(empty_world) == [NIGHT + DAY]


def test_a_missing_hour_waits_in_quarantine_until_it_comes(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT)
    Path(empty_world.lake.url).joinpath("orders/hour=2011-05-02T13/_SUCCESS").unlink()
    report = run()
    assert report.quarantined == ("orders 2011-05-02T13",)
    assert empty_world.ledger.quarantine_records(MODEL)[0].generation == 0
    assert stale(empty_world) == [NIGHT + DAY]
    empty_world.lake.land_hour("orders", BAD, orders(BAD))
    assert stale(empty_world) == [NIGHT, NIGHT + DAY]
    assert run().released == ("orders 2011-05-02T13",)


def test_a_newer_generation_that_failed_meanwhile_stays(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT)
    empty_world.ledger.quarantine(MODEL, "orders", BAD, generation=2, reasons=["newer"])
    assert run().released == ()
    assert [r.reasons for r in empty_world.ledger.quarantine_records(MODEL)] == [["newer"]]


def test_what_a_person_released_stays_released(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT)
    empty_world.lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))
    run()
    empty_world.ledger.release_hour(MODEL, "orders", BAD, by="person", reason="refunds")
    report = run()
    assert (report.verdict, report.quarantined, report.action) == ("failed", (), "alert")
    assert empty_world.ledger.quarantine_records(MODEL) == []


def test_a_warning_alone_puts_nothing_aside(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT - WEEK, lines=30)
    land_days(empty_world.lake, NIGHT)
    report = run()
    assert (report.verdict, report.action) == ("passed", "alert")
    assert (report.errors, report.warnings) == (0, 1)
    assert empty_world.ledger.quarantine_records(MODEL) == []


def test_hours_in_quarantine_are_nothing_to_compare_with(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT - WEEK, lines=30)
    land_days(empty_world.lake, NIGHT)
    for hour in Window(NIGHT - WEEK, NIGHT - WEEK + DAY).hours():
        empty_world.ledger.quarantine(MODEL, "orders", hour, generation=1, reasons=["doubled"])
    assert run().action == "passed"


def test_run_again_it_writes_the_same(empty_world: World, run: Run, tmp_path: Path) -> None:
    land_days(empty_world.lake, NIGHT)
    empty_world.lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))

    def written() -> list[Any]:
        files = sorted(path for top in ("docs", "samples") for path in (tmp_path / top).rglob("*"))
        ledger = empty_world.ledger
        rows = ledger.measurements(MODEL, Window(NIGHT, NIGHT + DAY))
        return [
            [(path, path.read_bytes()) for path in files if path.is_file()],
            [(row.hour, row.sensor, row.verdict, row.body) for row in rows],
            ledger.quarantine_records(MODEL, active=False),
        ]

    first = run()
    before = written()
    assert run() == first
    assert written() == before


def test_it_is_in_quarantine_before_it_is_on_record(
    empty_world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_days(empty_world.lake, NIGHT)
    empty_world.lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(empty_world.ledger, "put_measurements", killed)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert empty_world.ledger.quarantined(MODEL, "orders", Window(NIGHT, NIGHT + DAY)) == {BAD}
    assert measured(empty_world, "validation_orders") == {}


def test_samples_are_bounded(
    empty_world: World, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing_samples, "ROWS_KEPT", 2)
    monkeypatch.setattr(failing_samples, "FILES_KEPT", 3)
    land_days(empty_world.lake, NIGHT, prices=-2.5)
    assert len(run().quarantined) == 24
    files = list((tmp_path / "samples").rglob("*.parquet"))
    assert [pl.read_parquet(file).height for file in files] == [2] * 3


def test_an_unreadable_hour_is_told_and_the_others_go_on(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT)
    (file,) = Path(empty_world.lake.url).glob("impressions/hour=2011-05-02T05/*.parquet")
    file.write_bytes(b"PAR1 not parquet PAR1")
    report = run()
    assert report.quarantined == ("impressions 2011-05-02T05",)
    assert report.rows["impressions"] == 288 - 12


def test_days_before_the_first_validation_are_a_backfill_s(empty_world: World) -> None:
    land_days(empty_world.lake, NIGHT - DAY, days=2)
    assert stale(empty_world, NIGHT) == [NIGHT]


def test_nights_that_no_run_reached_are_caught_up(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT, days=4)
    run(NIGHT)
    assert stale(empty_world, NIGHT + 3 * DAY) == [NIGHT + n * DAY for n in (1, 2, 3)]


def test_the_day_after_a_changed_one_is_compared_again(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT, days=4)
    for n in range(3):
        run(NIGHT + n * DAY)
    empty_world.lake.land_hour("orders", NIGHT + 13 * HOUR, orders(NIGHT + 13 * HOUR))
    assert stale(empty_world, NIGHT + 3 * DAY) == [NIGHT + n * DAY for n in (0, 1, 3)]


def test_a_night_takes_only_so_many_days(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT)
    run(NIGHT)
    later = NIGHT + 30 * DAY
    newest = [later - n * DAY for n in range(DAYS_A_NIGHT, -1, -1)]
    assert stale(empty_world, later) == newest


def test_a_closing_that_cannot_be_read_is_judged_once(empty_world: World, run: Run) -> None:
    land_days(empty_world.lake, NIGHT)
    success = Path(empty_world.lake.url) / "orders" / "hour=2011-05-02T13" / "_SUCCESS"
    success.write_text("{}")
    assert run().quarantined == ("orders 2011-05-02T13",)
    assert stale(empty_world) == [NIGHT + DAY]
    empty_world.lake.land_hour("orders", BAD, orders(BAD))
    assert stale(empty_world) == [NIGHT, NIGHT + DAY]
