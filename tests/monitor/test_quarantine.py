"""Hours in quarantine: no sensor and no profile counts them, and none of them stops the monitor."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_world import MODEL, NOON, World, hour_at, make_world

from evergreen.adapters.lake import hour_folder
from evergreen.config.model_spec import LakeSpec
from evergreen.domain.errors import FileCorrupt, WindowEmpty
from evergreen.domain.windows import Window
from evergreen.monitor.hand_made import make_by_hand
from evergreen.monitor.question import ask

TABLE = "impressions"
BAD = (-3, -2, -1)  # hours after noon
NO_COLOUR = pl.Series([None] * 200, dtype=pl.String)


def land_six(world: World, **damage: Any) -> None:
    """Land the window's six hours; three of them with a damage."""
    for hours in range(-5, 1):
        world.land(hour_at(hours), **(damage if hours in BAD else {}))


def put_aside(world: World, *hours: int, generation: int = 1, table: str = TABLE) -> None:
    for hour in hours:
        world.ledger.quarantine(
            MODEL, table, hour_at(hour), generation=generation, reasons=["clicks is 0"]
        )


def let_out(world: World, hours: Iterable[int], *, by: Any) -> None:
    for hour in hours:
        world.ledger.release_hour(MODEL, TABLE, hour_at(hour), by=by, reason="a sale")


def spoil(world: World, hour: datetime, pattern: str) -> None:
    """Make files of an hour unreadable."""
    for file in (Path(world.lake.url) / TABLE / hour_folder(hour)).glob(pattern):
        file.write_text("{")


def sketched(world: World, digest: str) -> dict[datetime, int]:
    """Return the clicks of each sketched hour."""
    rows = world.ledger.sketches(MODEL, Window(hour_at(-96), hour_at(1)), profile=digest)
    return {row.hour: row.sketch["clicks"] for row in rows}


def test_lost_clicks_alarm_until_their_hours_are_in_quarantine(world: World) -> None:
    land_six(world, clicks=0)
    before = world.judge(NOON)["ctr"]
    assert (before["verdict"], before["ctr"]["value"]) == ("yes", 0.05)
    put_aside(world, *BAD)
    after = world.judge(NOON)["ctr"]
    assert (after["verdict"], after["ctr"]["value"]) == ("no", 0.10)
    assert (after["ctr"]["trials"], after["ctr"]["clusters"]) == (600, 3)
    assert after["evidence"] < 0
    assert after["reason"].endswith("; 3 hours in quarantine left out")


def test_evidence_from_before_the_window_does_not_count_either(world: World) -> None:
    world.land(hour_at(-7), clicks=0)  # the window is six hours, the memory 28 days
    land_six(world)
    assert world.judge(NOON)["ctr"]["since"] == "2011-05-02T05"
    put_aside(world, -7)
    ctr = world.judge(NOON)["ctr"]
    assert ctr["since"] != "2011-05-02T05"
    assert ctr["reason"].endswith("; 1 hour in quarantine left out")


def test_a_feature_gone_null_is_no_drift_of_hours_in_quarantine(world: World) -> None:
    land_six(world, colour=NO_COLOUR)
    before = world.judge(NOON)["drift"]
    assert before["verdict"] == "yes"
    assert before["reason"].startswith("drifted: colour (24h missing: ")
    put_aside(world, *BAD)
    after = world.judge(NOON)["drift"]
    assert after["verdict"] == "no"
    assert after["reason"] == (
        "largest PSI 0.05 in source over 24h; 0.0% of impressions are fallback; allowed 10.0%; "
        "3 hours in quarantine left out"
    )


def test_the_fallback_rule_does_not_count_them(world: World) -> None:
    land_six(world, fallback=200)
    assert world.judge(NOON)["drift"]["fallback"]["share"]["value"] == 0.5
    put_aside(world, *BAD)
    drift = world.judge(NOON)["drift"]
    assert (drift["verdict"], drift["fallback"]["verdict"]) == ("no", "no")
    assert drift["fallback"]["share"]["trials"] == 600


def test_another_table_s_quarantine_is_not_the_sensors(world: World) -> None:
    land_six(world, clicks=0)
    put_aside(world, *BAD, table="orders")
    ctr = world.judge(NOON)["ctr"]
    assert (ctr["verdict"], ctr["ctr"]["trials"]) == ("yes", 1_200)


def test_landed_again_an_hour_counts_again(world: World) -> None:
    land_six(world, clicks=0)
    put_aside(world, *BAD)
    assert world.judge(NOON)["ctr"]["verdict"] == "no"
    for hours in BAD:
        world.land(hour_at(hours), clicks=1)  # still in the records, but not this generation
    ctr = world.judge(NOON)["ctr"]
    assert (ctr["verdict"], ctr["ctr"]["trials"], ctr["ctr"]["successes"]) == ("yes", 1_200, 63)
    assert "quarantine" not in ctr["reason"]


def test_released_by_a_person_an_hour_counts_again(world: World) -> None:
    land_six(world, clicks=0)
    put_aside(world, *BAD)
    assert world.measure(NOON)["hours_sketched"] == 3
    let_out(world, BAD, by="person")
    assert world.judge(NOON)["ctr"]["verdict"] == "yes"


def test_a_sketch_of_what_was_there_before_does_not_stand_in(world: World) -> None:
    land_six(world)
    world.measure(NOON)
    world.land(hour_at(-2), clicks=0)
    put_aside(world, -2, generation=2)
    ctr = world.judge(NOON)["ctr"]
    assert (ctr["ctr"]["trials"], ctr["ctr"]["successes"]) == (1_000, 100)


def test_let_out_an_old_hour_comes_back_as_it_is_now(world: World) -> None:
    """Of hours older than the window, sketches are not compared with the lake otherwise."""
    world.land(hour_at(-20), clicks=0)
    land_six(world)
    digest = world.measure(NOON)["profile"]
    assert sketched(world, digest)[hour_at(-20)] == 0
    put_aside(world, -20)
    world.land(hour_at(-20), clicks=21)
    let_out(world, [-20], by="validation")  # generation 2 passed
    assert world.measure(NOON)["hours_sketched"] == 1
    assert sketched(world, digest)[hour_at(-20)] == 21


def test_an_hour_that_is_itself_in_quarantine_has_no_answer(world: World) -> None:
    land_six(world)
    put_aside(world, 0, -1)
    said = world.judge(NOON)
    assert {str(s["verdict"]) for s in said.values()} == {"not_enough_data"}
    assert {s["reason"] for s in said.values()} == {
        "the newest hour, 2011-05-02T12, is in quarantine; 2 hours in quarantine left out"
    }
    assert world.measure(NOON)["impressions"] == 200  # it is on record what it holds
    decision = world.decide(NOON)
    assert decision["action"] == "warn"
    assert decision["reasons"][0].startswith("ctr: not enough data: the newest hour, 2011-05-02T1")


def test_the_ctr_judges_the_newest_mature_hour(world: World) -> None:
    world.spec = world.spec.model_copy(update={"lake": LakeSpec(attribution_window="1h")})
    land_six(world)
    put_aside(world, -1)
    said = world.judge(NOON)
    assert [str(s["verdict"]) for s in said.values()] == ["not_enough_data", "no"]
    assert said["ctr"]["reason"].startswith("the newest hour, 2011-05-02T11, is in quarantine; ")


def test_a_question_gets_the_same_answer(world: World) -> None:
    land_six(world, clicks=0)
    put_aside(world, *BAD)
    said = ask(world.spec, NOON, "ctr", lake=world.lake, ledger=world.ledger)
    assert (said["verdict"], said["ctr"]["trials"]) == ("no", 600)
    put_aside(world, 0)
    said = ask(world.spec, NOON, "ctr", lake=world.lake, ledger=world.ledger)
    assert said["verdict"] == "not_enough_data"


@pytest.mark.parametrize(
    ("files", "generation"), [("_SUCCESS", 0), ("*.parquet", 1)], ids=["closing", "rows"]
)
def test_an_unreadable_hour_in_quarantine_stops_no_later_hour(
    world: World, files: str, generation: int
) -> None:
    land_six(world)
    spoil(world, hour_at(-2), files)
    with pytest.raises(FileCorrupt, match="hour=2011-05-02T10"):
        world.measure(NOON)
    put_aside(world, -2, generation=generation)
    counts = world.measure(NOON)
    assert counts["hours_sketched"] == 5
    assert hour_at(-2) not in sketched(world, counts["profile"])
    said = world.judge(NOON)
    assert [str(s["verdict"]) for s in said.values()] == ["no", "no"]
    assert said["ctr"]["reason"].endswith("; 1 hour in quarantine left out")
    world.land(hour_at(-2))
    assert world.judge(NOON)["ctr"]["ctr"]["trials"] == 1_200


@pytest.mark.parametrize("files", ["_SUCCESS", "*.parquet"])
@pytest.mark.parametrize("replay", [False, True])
def test_an_unreadable_hour_still_fails_its_own_task(
    world: World, files: str, replay: bool
) -> None:
    land_six(world)
    spoil(world, NOON, files)
    put_aside(world, 0)
    with pytest.raises(FileCorrupt, match="hour=2011-05-02T12"):
        world.measure(NOON, replay=replay)


def test_impressions_in_quarantine_do_not_tell_who_served(world: World) -> None:
    land_six(world, clicks=20)
    world.land(NOON, version="garbled")
    assert world.measure(NOON, replay=True)["model_version"] == "garbled"
    put_aside(world, 0, generation=2)
    assert world.measure(NOON, replay=True)["model_version"] == "1"


def test_a_replay_leaves_out_what_is_in_quarantine_now(world: World) -> None:
    land_six(world, clicks=0)
    live = world.decide(NOON)
    assert live["action"] == "request_retrain"
    put_aside(world, *BAD)
    again = world.decide(NOON, replay=True)
    assert (again["action"], again["would"]) == ("healthy", "healthy")
    assert "3 hours in quarantine left out" in again["reasons"][0]
    assert world.decide(NOON) == live  # what was acted on stays on record
    assert world.ledger.deliveries(MODEL) == []
    assert world.ledger.open_incident_of(MODEL) is None


@pytest.mark.parametrize(("aside", "action"), [(False, "request_retrain"), (True, "warn")])
def test_an_alarm_about_an_hour_in_quarantine_is_no_second_one(
    tmp_path: Path, aside: bool, action: str
) -> None:
    world = make_world(tmp_path, trigger={"alarms": 2, "of_hours": 3}, window="1h")
    world.release(1)
    for hours in (-1, 0):
        world.land(hour_at(hours), clicks=0)
    assert world.decide(hour_at(-1))["action"] == "warn"  # 1 of 2 alarms
    if aside:
        put_aside(world, -1)
    assert world.decide(NOON)["action"] == action


def test_an_alarm_about_what_was_landed_after_the_quarantine_counts(tmp_path: Path) -> None:
    world = make_world(tmp_path, trigger={"alarms": 2, "of_hours": 3}, window="1h")
    world.release(1)
    world.land(hour_at(-1), clicks=0)
    put_aside(world, -1)
    for hours in (-1, 0):
        world.land(hour_at(hours), clicks=1)
    assert world.judge(hour_at(-1))["ctr"]["verdict"] == "yes"
    assert world.decide(NOON)["action"] == "request_retrain"


def test_a_profile_made_by_hand_leaves_them_out(world: World) -> None:
    window = Window(hour_at(-5), hour_at(1))
    land_six(world, clicks=0)
    spoil(world, hour_at(-1), "*.parquet")
    put_aside(world, *BAD)
    put_aside(world, -4, generation=0)  # it was not closed when it was validated
    made = make_by_hand(world.spec, "1", window, lake=world.lake, ledger=world.ledger)
    assert (made.hours, made.closed_hours, made.quarantined_hours) == (6, 3, 3)
    assert made.profile.ctr is not None
    assert made.profile.ctr.rate == pytest.approx(0.10)
    assert sum(made.profile.columns["colour"].counts) == 600
    put_aside(world, 0, -5, -4)
    with pytest.raises(WindowEmpty, match="in which it served; 6 hours in quarantine left out"):
        make_by_hand(world.spec, "1", window, lake=world.lake, ledger=world.ledger)
