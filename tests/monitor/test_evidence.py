"""Whose evidence counts: since the last request, of the version that serves, by its own profile."""

from __future__ import annotations

import pytest
from made_world import MODEL, NOON, World, hour_at, profile

from evergreen.domain.errors import WindowEmpty
from evergreen.domain.windows import Window
from evergreen.monitor.hand_made import make_by_hand, origin_of


def test_evidence_begins_anew_after_a_request(world: World) -> None:
    for hours in range(-5, 1):
        world.land(hour_at(hours), clicks=5)
    assert world.decide(NOON)["action"] == "request_retrain"
    world.land(hour_at(1), clicks=5)
    said = world.judge(hour_at(1))["ctr"]
    assert said["since"] == "2011-05-02T13"  # although six hours before it were as bad
    assert world.judge(NOON)["ctr"]["since"] == "2011-05-02T07"  # asked again: as it was then
    assert said["evidence"] < said["level"] < world.judge(NOON)["ctr"]["evidence"]


def test_an_hour_that_is_landed_again_is_judged_by_what_it_holds_now(world: World) -> None:
    for hours in range(-5, 1):
        world.land(hour_at(hours), clicks=20)
    assert world.judge(NOON)["ctr"]["ctr"]["successes"] == 120
    world.land(hour_at(-3), clicks=0)
    assert world.measure(NOON)["hours_sketched"] == 1
    assert world.judge(NOON)["ctr"]["ctr"]["successes"] == 100


def test_a_profile_made_by_hand_wins_over_the_release_s(world: World) -> None:
    world.land(NOON)
    assert world.judge(NOON)["ctr"]["expected"] == 0.10
    world.ledger.put_profile(MODEL, "1", profile(0.5))
    said = world.judge(NOON)["ctr"]  # measured again, with the new profile's digest
    assert (said["expected"], said["verdict"]) == (0.5, "yes")


def test_without_a_champion_the_version_that_serves_is_judged(empty_world: World) -> None:
    empty_world.ledger.put_profile(MODEL, "theirs-7", profile())
    for hours in range(-5, 0):
        empty_world.land(hour_at(hours), version="theirs-6")
    empty_world.land(NOON, version="theirs-7", clicks=0)
    assert empty_world.measure(NOON)["model_version"] == "theirs-7"
    said = empty_world.decide(NOON)
    assert (said["action"], said["champion"]) == ("request_retrain", None)
    assert said["evidence"]["ctr"]["ctr"]["trials"] == 200
    assert said["evidence"]["drift"]["verdict"] == "no"


def land_days(world: World, days: int) -> Window:
    """Land four hours a day, and return a window that holds them."""
    for hours in (24 * day + hour for day in range(-days, 0) for hour in range(4)):
        world.land(hour_at(hours), rows=100, clicks=10)
    return Window(hour_at(-24 * days), NOON)


def test_a_profile_is_made_by_hand_from_what_was_served(empty_world: World) -> None:
    window = land_days(empty_world, 4)
    lake, ledger = empty_world.lake, empty_world.ledger
    made = make_by_hand(empty_world.spec, "1", window, lake=lake, ledger=ledger)
    assert (made.hours, made.closed_hours, made.replaced) == (96, 16, None)
    assert made.profile.ctr is not None
    assert made.profile.ctr.rate == pytest.approx(0.10)
    assert {n: c.importance for n, c in made.profile.columns.items()} == {
        "source": 1.0,
        "score": 1.0,
        "price": 0.5,  # two features, and nothing known of the model
        "colour": 0.5,
    }
    assert sum(made.profile.columns["colour"].counts) == 1_600
    again = make_by_hand(empty_world.spec, "1", window, lake=lake, ledger=ledger)
    assert again.replaced == "made by hand from [2011-04-28T12, 2011-05-02T12)"
    assert again.profile.digest == made.profile.digest
    empty_world.land(NOON)
    said = empty_world.judge(NOON)
    assert [str(s["verdict"]) for s in said.values()] == ["no", "no"]


def test_where_a_profile_comes_from(world: World) -> None:
    assert origin_of(MODEL, "1", world.ledger) == "of its release 1, from made"
    assert origin_of(MODEL, "2", world.ledger) is None


def test_a_version_that_did_not_serve_has_no_profile(empty_world: World, tmp_path: object) -> None:
    window = land_days(empty_world, 1)
    with pytest.raises(WindowEmpty, match="no impressions of version '9' in"):
        make_by_hand(
            empty_world.spec, "9", window, lake=empty_world.lake, ledger=empty_world.ledger
        )
    assert empty_world.ledger.profile(MODEL, "9") is None
