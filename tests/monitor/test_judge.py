"""The sensors over the trailing window: mature counts, baselines, and their records."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_world import MODEL, NOON, World, hour_at, make_world

from evergreen.domain.errors import ProfileInvalid, WindowEmpty
from evergreen.domain.windows import Window
from evergreen.monitor.ctr import judge_ctr
from evergreen.monitor.drift import judge_drift


def land_six(world: World, clicks: int = 20, fallback: int = 0) -> None:
    for hours in range(-5, 1):
        world.land(hour_at(hours), clicks=clicks, fallback=fallback)


def test_as_good_as_ever(world: World) -> None:
    land_six(world)
    said = world.judge(NOON)
    assert [said[s]["verdict"] for s in ("ctr", "drift")] == ["no", "no"]
    assert said["ctr"]["ctr"]["value"] == 0.10
    assert said["ctr"]["ctr"]["trials"] == 1_200
    assert said["ctr"]["ctr"]["clusters"] == 6
    assert said["ctr"]["bound"] == pytest.approx(0.085)
    assert said["drift"]["reason"] == (
        "largest PSI 0.05 in source over 24h; 0.0% of impressions are fallback; allowed 10.0%"
    )


def test_half_of_the_clicks_are_gone(world: World) -> None:
    land_six(world, clicks=10)
    ctr = world.judge(NOON)["ctr"]
    assert ctr["verdict"] == "yes"
    assert ctr["reason"].startswith("CTR 5.00%, expected 10.00% (-50%); evidence ")
    assert "; at most " in ctr["reason"]
    assert ctr["evidence"] > ctr["level"] == 9.0
    assert (ctr["drop"], ctr["since"]) == (0.5, "2011-05-02T07")
    assert (ctr["ctr_since"], ctr["expected_since"]) == (0.05, 0.10)


def test_a_third_of_the_impressions_is_fallback(world: World) -> None:
    land_six(world, fallback=66)
    drift = world.judge(NOON)["drift"]
    assert drift["verdict"] == "yes"
    assert drift["reason"].startswith("33.0% of impressions are fallback, at least ")


def test_it_is_on_record(world: World) -> None:
    land_six(world, clicks=10)
    said = world.judge(NOON)
    rows = {row.sensor: row for row in world.ledger.measurements(MODEL, Window.of_hour(NOON))}
    assert set(rows) == {"ctr", "drift", "hour_counts"}
    assert (rows["ctr"].verdict, rows["drift"].verdict) == ("yes", "no")
    assert rows["ctr"].body["reason"] == said["ctr"]["reason"]
    world.judge(NOON)
    assert len(world.ledger.measurements(MODEL, Window.of_hour(NOON))) == 3


def test_hours_older_than_the_window_do_not_count(world: World) -> None:
    world.land(hour_at(-6), clicks=0)
    land_six(world)
    assert world.judge(NOON)["ctr"]["ctr"]["trials"] == 1_200


def test_not_enough_data(world: World) -> None:
    world.land(NOON, rows=99, clicks=0)
    said = world.judge(NOON)
    assert said["ctr"]["verdict"] == "not_enough_data"
    assert said["ctr"]["reason"] == "99 impressions in the window, 100 needed"
    (row,) = world.ledger.measurements(MODEL, Window.of_hour(NOON), "ctr")
    assert row.verdict == "not_enough_data"


def test_an_empty_window_is_recorded_too(world: World) -> None:
    world.lake.land_hour("impressions", NOON, None)
    said = world.judge(NOON)  # its share is NaN, which JSON does not know
    assert {s["verdict"] for s in said.values()} == {"not_enough_data"}
    assert said["ctr"]["reason"] == "0 mature impressions in the newest hour, 30 needed"
    assert said["drift"]["reason"] == "0 impressions in the newest hour, 30 needed"
    (row,) = world.ledger.measurements(MODEL, Window.of_hour(NOON), "ctr")
    assert row.body["ctr"]["value"] is None
    assert row.body["ctr"]["trials"] == 0


def test_immature_labels_are_no_misses(world: World) -> None:
    land_six(world)
    world.land(NOON, known=False)
    ctr = world.judge(NOON)["ctr"]
    assert ctr["verdict"] == "not_enough_data"  # nothing is known of the newest hour yet
    assert (ctr["ctr"]["successes"], ctr["ctr"]["trials"]) == (100, 1_000)
    assert ctr["evidence"] < 9.0


def test_no_champion_has_no_baseline(empty_world: World) -> None:
    empty_world.land(NOON, version="none", fallback=200, clicks=0)
    said = empty_world.judge(NOON)
    assert said["ctr"]["verdict"] == "not_enough_data"
    assert said["ctr"]["reason"] == "no baseline CTR to compare with, and no floor set"
    assert said["drift"]["verdict"] == "yes"


def test_a_floor_works_without_baseline(tmp_path: Path) -> None:
    world = make_world(tmp_path, ctr={"floor": 0.05})
    world.release(1, ctr=None)
    land_six(world, clicks=2)
    assert world.judge(NOON)["ctr"]["verdict"] == "yes"


def test_a_replay_is_judged_by_the_version_that_served(world: World) -> None:
    land_six(world, clicks=20)
    world.release(2, ctr=0.50)
    world.land(hour_at(1), version="2", clicks=100)
    assert world.judge(NOON, replay=True)["ctr"]["expected"] == 0.10
    assert world.judge(NOON, replay=True)["ctr"]["verdict"] == "no"
    assert world.judge(hour_at(1), replay=True)["ctr"]["expected"] == 0.50


@pytest.mark.parametrize("judge", [judge_ctr, judge_drift])
def test_an_hour_that_was_not_measured(world: World, judge: object) -> None:
    with pytest.raises(WindowEmpty, match="hour 2011-05-02T12 of also_bought has not been measur"):
        judge(world.spec, NOON, ledger=world.ledger, replay=False)  # type: ignore[operator]


def test_the_profile_changed_in_between(world: World) -> None:
    """A version that is released again with another profile."""
    world.land(NOON)
    world.measure(NOON)
    world.release(2)
    world.release(1, ctr=0.2)
    with pytest.raises(ProfileInvalid, match="clear sketch_hour and run it again"):
        judge_ctr(world.spec, NOON, ledger=world.ledger, replay=False)
