"""Probation over the ledger: what a new champion is held against, and what is decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from made_world import LONG_AGO, MODEL, NOON, World, hour_at, repeated

from evergreen.backtest.champion import Champion
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import Window
from evergreen.monitor.measure import profile_of


def serve(world: World, first: int, last: int, *, version: str, clicks: int, **more: Any) -> None:
    for hours in range(first, last):
        world.land(hour_at(hours), version=version, clicks=clicks, **more)


@pytest.fixture
def switched(world: World) -> World:
    """Version 1 earned 10 % for twelve hours, then version 2 took its place at noon."""
    serve(world, -12, 0, version="1", clicks=20)
    for hours in (-7, -1):
        world.decide(hour_at(hours))
    world.release(2, as_of=NOON)
    return world


def test_a_champion_that_earns_nothing_goes_back_in_its_first_hour(switched: World) -> None:
    serve(switched, 0, 1, version="2", clicks=0)
    said = switched.decide(NOON)
    assert (said["action"], said["sensors"], said["tell"]) == (
        "request_rollback",
        ["probation"],
        True,
    )
    assert said["reasons"][0].startswith(
        "probation: CTR 0.00% in 1 hours on trial, the old champion's would be 10.00% (-100%), "
    )
    trial = said["evidence"]["probation"]
    assert (trial["version"], trial["fence"], trial["replaced_version"]) == (2, 2, 1)
    assert (trial["since"], trial["until"]) == ("2011-05-02T12", "2011-05-05T12")
    assert (trial["expected"], trial["carried"]["level"]) == (0.1, 1.0)
    assert trial["evidence"] > trial["level"]
    kept = switched.ledger.decision(MODEL, NOON)
    assert kept is not None
    assert (kept.action, kept.body) == ("request_rollback", said)
    (measured,) = switched.ledger.measurements(MODEL, Window.of_hour(NOON), "probation")
    assert measured.verdict == "yes"


def test_one_as_good_as_the_old_one_stays(switched: World) -> None:
    serve(switched, 0, 12, version="2", clicks=20)
    said = [switched.decide(hour_at(hours)) for hours in range(12)]
    assert {s["evidence"]["probation"]["verdict"] for s in said} == {"no"}
    assert "request_rollback" not in {s["action"] for s in said}


def test_it_is_held_against_what_the_old_one_earned_at_last(world: World) -> None:
    """Version 1 had fallen to 5 %: 5 % of version 2 is as good, though its profile says 10 %."""
    serve(world, -20, 0, version="1", clicks=10)
    for hours in (-14, -8, -2):
        world.decide(hour_at(hours))
    world.release(2, as_of=NOON)
    serve(world, 0, 6, version="2", clicks=10)
    said = world.decide(hour_at(5))["evidence"]["probation"]
    assert (said["verdict"], said["expected"], said["carried"]["level"]) == ("no", 0.05, 0.5)


def test_a_replay_judges_and_never_asks(switched: World) -> None:
    serve(switched, 0, 1, version="2", clicks=0)
    said = switched.decide(NOON, replay=True)
    assert (said["action"], said["would"]) == ("warn", "request_rollback")
    assert switched.ledger.decision(MODEL, NOON) is None


def test_no_cooldown_holds_it_back(switched: World) -> None:
    serve(switched, 0, 2, version="2", clicks=20)
    switched.decide(NOON)
    for hours in (0, 1, 2):
        switched.land(hour_at(hours), version="2", clicks=0)
    assert switched.decide(hour_at(2))["action"] == "request_rollback"  # within the first hours


def test_few_impressions_are_no_failure(switched: World) -> None:
    serve(switched, 0, 1, version="2", clicks=0, rows=100)
    said = switched.decide(NOON)
    assert said["evidence"]["probation"]["verdict"] == "not_enough_data"
    assert said["action"] == "healthy"


def test_an_old_champion_that_hardly_served_says_nothing(world: World) -> None:
    serve(world, -1, 0, version="1", clicks=24)
    world.decide(hour_at(-1))
    world.release(2, as_of=NOON)
    serve(world, 0, 1, version="2", clicks=0)
    trial = world.decide(NOON)["evidence"]["probation"]
    assert (trial["verdict"], trial["carried"]) == ("not_enough_data", None)


def test_the_trial_begins_with_the_first_impression_and_ends_after_72_hours(
    switched: World,
) -> None:
    switched.land(NOON, version="1", clicks=20)  # the old set was still shown
    assert "probation" not in switched.decide(NOON)["evidence"]
    serve(switched, 1, 3, version="2", clicks=20)
    trial = switched.decide(hour_at(2))["evidence"]["probation"]
    assert (trial["since"], trial["ctr"]["trials"]) == ("2011-05-02T13", 400)
    serve(switched, 72, 74, version="2", clicks=0)
    assert "probation" in switched.decide(hour_at(72))["evidence"]
    assert "probation" not in switched.decide(hour_at(73))["evidence"]


def test_first_champions_and_rollbacks_are_on_no_trial(world: World) -> None:
    serve(world, -6, 1, version="1", clicks=0)
    assert "probation" not in world.decide(NOON)["evidence"]
    world.release(2, as_of=NOON)
    world.ledger.release(
        MODEL,
        1,
        expected=2,
        kind="rollback",
        run_key="run-1",
        as_of=hour_at(-240),
        reason="by hand",
        evidence={},
    )
    serve(world, 1, 2, version="1", clicks=0)
    assert "probation" not in world.decide(hour_at(1))["evidence"]


OTHER_SCORES = repeated([0.9], 200, pl.Float32)


def test_other_scores_than_the_gate_judged_fail_in_the_first_hour(switched: World) -> None:
    """The clicks are as good as ever: what is served is not what was judged all the same."""
    serve(switched, 0, 1, version="2", clicks=20, score=OTHER_SCORES)
    said = switched.decide(NOON)
    trial = said["evidence"]["probation"]
    assert said["action"] == "request_rollback"
    assert trial["scores"]["psi"] > trial["scores"]["bound"] == 2.0
    assert trial["reason"].startswith("its scores are not those that the gate judged: PSI ")
    assert "CTR 10.00% in 1 hours on trial" in trial["reason"]


def test_scores_are_judged_before_their_clicks_are_known(switched: World) -> None:
    late = switched.spec.lake.model_copy(update={"attribution_window": timedelta(hours=24)})
    switched.spec = switched.spec.model_copy(update={"lake": late})
    switched.land(NOON, version="2", clicks=0, known=False, score=OTHER_SCORES)
    said = switched.decide(NOON)
    assert said["action"] == "request_rollback", said["reasons"]
    assert said["evidence"]["probation"]["ctr"]["trials"] == 0


def test_a_model_may_be_judged_by_its_clicks_alone(switched: World) -> None:
    deploy = switched.spec.deploy.model_copy(update={"probation_max_score_psi": None})
    switched.spec = switched.spec.model_copy(update={"deploy": deploy})
    serve(switched, 0, 1, version="2", clicks=20, score=OTHER_SCORES)
    said = switched.decide(NOON)
    assert said["evidence"]["probation"]["verdict"] == "no"
    assert said["evidence"]["probation"]["scores"] is None


def test_few_rows_of_other_scores_are_no_failure(switched: World) -> None:
    few = repeated([0.9], 10, pl.Float32)
    serve(switched, 0, 1, version="2", clicks=1, rows=10, score=few)
    assert switched.decide(NOON)["evidence"]["probation"]["verdict"] == "not_enough_data"


def test_a_backtest_judges_the_served_scores_alike(switched: World) -> None:
    serve(switched, 0, 1, version="2", clicks=20, score=OTHER_SCORES)
    trial = switched.decide(NOON)["evidence"]["probation"]
    ledger, spec = switched.ledger, switched.spec

    def champion(version: str, as_of: Any, served: Window, replaced: Champion | None) -> Champion:
        profile: ReferenceProfile = profile_of(MODEL, version, ledger)
        rows = ledger.sketches(MODEL, served, profile=profile.digest)
        sketches = {row.hour: HourSketch.from_json(row.sketch) for row in rows}
        made = Champion(
            profile,
            as_of=as_of,
            sketches_of=lambda window: {h: s for h, s in sketches.items() if h in window},
            spec=spec,
            deployed=served.start,
            until=served.end,
            replaced=replaced,
        )
        assert len(list(made.findings([]))) == served.length // timedelta(hours=1)
        return made

    before = champion("1", LONG_AGO, Window(hour_at(-12), NOON), None)
    said = champion("2", NOON, Window.of_hour(NOON), before).probation(NOON)
    assert said is not None
    assert (str(said.verdict), said.reason) == (trial["verdict"], trial["reason"])
