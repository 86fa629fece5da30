"""From what the sensors said to one decision: alarms, cooldown, budget and age to the hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evergreen.domain.trigger import Action, Finding, TriggerDecision, TriggerPolicy, decide
from evergreen.domain.verdict import Verdict

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)
YES = Finding(verdict=Verdict.YES, reason="CTR fell")
NO = Finding(verdict=Verdict.NO, reason="fine")
UNSURE = Finding(verdict=Verdict.NOT_ENOUGH_DATA, reason="12 impressions in the window")
POLICY = TriggerPolicy(
    alarms=1,
    of_hours=1,
    clear_after=0,
    cooldown=timedelta(hours=6),
    max_retrains_per_day=2,
    max_model_age=timedelta(days=28),
)
TWO_OF_FOUR = replace(POLICY, alarms=2, of_hours=4)


def at(
    findings: dict[str, Finding],
    *,
    hours_ago: tuple[int, ...] = (),
    champion_hours_ago: float | None = None,
    alarmed_hours_ago: dict[str, tuple[int, ...]] | None = None,
    policy: TriggerPolicy = POLICY,
) -> TriggerDecision:
    return decide(
        HOUR,
        findings,
        policy=policy,
        earlier={
            name: [HOUR - timedelta(hours=h) for h in hours]
            for name, hours in (alarmed_hours_ago or {}).items()
        },
        requested=[HOUR - timedelta(hours=h) for h in hours_ago],
        champion_as_of=None
        if champion_hours_ago is None
        else HOUR - timedelta(hours=champion_hours_ago),
    )


def test_one_yes_is_enough() -> None:
    said = at({"ctr": YES, "drift": NO})
    assert said.action is Action.REQUEST_RETRAIN
    assert said.reasons == ("ctr: CTR fell",)


def test_all_say_no() -> None:
    said = at({"ctr": NO, "drift": NO})
    assert said.action is Action.HEALTHY
    assert said.reasons == ("ctr: fine", "drift: fine")


def test_too_little_data_is_not_healthy() -> None:
    said = at({"ctr": UNSURE, "drift": NO})
    assert said.action is Action.WARN
    assert said.reasons == ("ctr: not enough data: 12 impressions in the window",)


def test_a_yes_beside_too_little_data_tells_both() -> None:
    said = at({"ctr": YES, "drift": UNSURE})
    assert said.action is Action.REQUEST_RETRAIN
    assert said.reasons == (
        "ctr: CTR fell",
        "drift: not enough data: 12 impressions in the window",
    )


def test_a_failed_probation_comes_before_all_else() -> None:
    """Cooldown and budget are spent, and the sensors alarm."""
    said = decide(
        HOUR,
        {"ctr": YES, "drift": UNSURE},
        policy=POLICY,
        earlier={},
        requested=[HOUR - timedelta(hours=h) for h in (1, 2, 3)],
        champion_as_of=HOUR,
        probation=Finding(verdict=Verdict.YES, reason="CTR 0.1 %"),
    )
    assert said.action is Action.REQUEST_ROLLBACK
    assert said.reasons == ("probation: CTR 0.1 %", "ctr: CTR fell")
    assert (said.sensors, said.alarmed) == (("probation",), True)


@pytest.mark.parametrize("verdict", [Verdict.NO, Verdict.NOT_ENOUGH_DATA])
def test_a_probation_that_does_not_fail_changes_nothing(verdict: Verdict) -> None:
    trial = Finding(verdict=verdict, reason="no failure")
    said = decide(
        HOUR,
        {"ctr": NO},
        policy=POLICY,
        earlier={},
        requested=[],
        champion_as_of=HOUR,
        probation=trial,
    )
    assert (said.action, said.reasons) == (Action.HEALTHY, ("ctr: fine",))


def test_no_sensor_spoke() -> None:
    said = at({})
    assert (said.action, said.reasons) == (Action.WARN, ("no sensor has judged this hour",))
    assert (said.sensors, said.alarmed) == ((), False)


def test_which_sensors_are_behind_it() -> None:
    both = at({"ctr": YES, "drift": UNSURE}, hours_ago=(1,))
    assert (both.sensors, both.alarmed) == (("ctr",), True)
    unsure = at({"ctr": NO, "drift": UNSURE})
    assert (unsure.sensors, unsure.alarmed) == (("drift",), False)
    healthy = at({"ctr": NO, "drift": NO})
    assert (healthy.sensors, healthy.alarmed) == ((), False)


@pytest.mark.parametrize(
    ("hours", "action"),
    [
        ((), Action.WARN),
        ((1,), Action.REQUEST_RETRAIN),
        ((3,), Action.REQUEST_RETRAIN),
        ((4,), Action.WARN),  # the fifth hour, counted from this one
        ((0,), Action.WARN),  # this hour counts once
        ((-1,), Action.WARN),
    ],
)
def test_two_of_four_hours(hours: tuple[int, ...], action: Action) -> None:
    said = at({"ctr": YES}, alarmed_hours_ago={"ctr": hours}, policy=TWO_OF_FOUR)
    assert said.action is action
    assert said.alarmed


def test_what_is_still_needed_is_told() -> None:
    said = at({"ctr": YES, "drift": NO}, policy=TWO_OF_FOUR)
    assert said.reasons == ("ctr: CTR fell", "1 of 2 alarms needed within 4 hours")
    assert said.sensors == ("ctr",)


def test_the_newest_hour_must_alarm() -> None:
    said = at({"ctr": NO}, alarmed_hours_ago={"ctr": (1, 2, 3)}, policy=TWO_OF_FOUR)
    assert (said.action, said.alarmed) == (Action.HEALTHY, False)


def test_one_sensors_alarms_do_not_count_for_another() -> None:
    said = at({"ctr": YES}, alarmed_hours_ago={"drift": (1, 2, 3)}, policy=TWO_OF_FOUR)
    assert said.action is Action.WARN
    two = at({"ctr": YES, "drift": YES}, policy=TWO_OF_FOUR)
    assert two.action is Action.WARN
    proven = at({"ctr": YES, "drift": YES}, alarmed_hours_ago={"drift": (2,)}, policy=TWO_OF_FOUR)
    assert proven.action is Action.REQUEST_RETRAIN


def test_healthy_again_after_some_quiet_hours() -> None:
    policy = replace(POLICY, clear_after=6)
    waiting = at({"ctr": NO, "drift": NO}, alarmed_hours_ago={"ctr": (20, 6)}, policy=policy)
    assert (waiting.action, waiting.sensors, waiting.alarmed) == (Action.WARN, ("ctr",), False)
    assert waiting.reasons == ("ctr: alarmed last at 2011-05-02T06, healthy after 6 hours",)
    clear = at({"ctr": NO, "drift": NO}, alarmed_hours_ago={"ctr": (7,)}, policy=policy)
    assert (clear.action, clear.reasons) == (Action.HEALTHY, ("ctr: fine", "drift: fine"))
    at_once = at({"ctr": NO}, alarmed_hours_ago={"ctr": (1,)}, policy=POLICY)
    assert at_once.action is Action.HEALTHY


def test_a_replay_knows_no_later_alarm() -> None:
    policy = replace(POLICY, clear_after=6)
    said = at({"ctr": NO}, alarmed_hours_ago={"ctr": (0, -1)}, policy=policy)
    assert said.action is Action.HEALTHY


def test_how_far_back_earlier_findings_matter() -> None:
    assert replace(POLICY, of_hours=4, clear_after=2).memory == timedelta(hours=3)
    assert replace(POLICY, of_hours=4, clear_after=6).memory == timedelta(hours=6)


def test_an_old_champion_is_retrained_whatever_the_sensors_say() -> None:
    limit = 28 * 24
    for said in (NO, UNSURE):
        old = at({"ctr": said}, champion_hours_ago=limit - 1)  # 28 days when this hour ends
        assert (old.action, old.alarmed, old.sensors) == (Action.REQUEST_RETRAIN, True, ("age",))
        assert old.reasons[0] == "age: the champion is 28.0 days old, 28 allowed"
    assert at({}, champion_hours_ago=limit).action is Action.REQUEST_RETRAIN
    young = at({"ctr": NO}, champion_hours_ago=limit - 1.01)
    assert young.action is Action.HEALTHY
    both = at({"ctr": YES}, champion_hours_ago=limit)
    assert both.sensors == ("ctr", "age")


def test_age_waits_for_the_cooldown_too() -> None:
    held = at({"ctr": NO}, champion_hours_ago=28 * 24, hours_ago=(5,))
    assert held.action is Action.WARN
    assert [reason.partition(":")[0] for reason in held.reasons] == ["age", "cooldown"]


def test_age_makes_no_single_alarm_enough() -> None:
    """It asks by itself; what the sensors said is told beside it."""
    said = at({"ctr": YES}, champion_hours_ago=28 * 24, policy=TWO_OF_FOUR)
    assert said.action is Action.REQUEST_RETRAIN
    assert said.reasons == ("ctr: CTR fell", "age: the champion is 28.0 days old, 28 allowed")


def test_the_cooldown_ends_on_its_hour() -> None:
    held = at({"ctr": YES}, hours_ago=(5,))
    assert held.action is Action.WARN
    assert held.reasons == (
        "ctr: CTR fell",
        "cooldown: retrained or requested at 2011-05-02T07, quiet until 2011-05-02T13",
    )
    assert at({"ctr": YES}, hours_ago=(6,)).action is Action.REQUEST_RETRAIN


def test_a_new_champion_cools_too() -> None:
    assert at({"ctr": YES}, champion_hours_ago=0).action is Action.WARN
    assert at({"ctr": YES}, champion_hours_ago=5).action is Action.WARN
    assert at({"ctr": YES}, champion_hours_ago=6).action is Action.REQUEST_RETRAIN


@pytest.mark.parametrize(
    ("requests", "factor"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (9, 8)], ids=str
)
def test_the_cooldown_doubles_with_each_request_that_brought_nothing(
    requests: int, factor: int
) -> None:
    policy = replace(POLICY, max_retrains_per_day=99)
    for last, action in (
        (6 * factor - 1, Action.WARN),
        (6 * factor, Action.REQUEST_RETRAIN),
    ):
        hours = tuple(last + 6 * i for i in range(requests))
        said = at({"ctr": YES}, hours_ago=hours, champion_hours_ago=600, policy=policy)
        assert said.action is action
        if action is Action.WARN and requests > 1:
            assert said.reasons[1].endswith(f" ({requests} requests brought no new champion)")


def test_a_new_champion_ends_the_doubling() -> None:
    hours, policy = (30, 20, 10), replace(POLICY, max_retrains_per_day=99)
    assert at({"ctr": YES}, hours_ago=hours, policy=policy).action is Action.WARN
    fresh = at({"ctr": YES}, hours_ago=hours, champion_hours_ago=9, policy=policy)
    assert fresh.action is Action.REQUEST_RETRAIN
    # trained on data up to the second request's hour: only the last one was fruitless
    since = at({"ctr": YES}, hours_ago=hours, champion_hours_ago=19, policy=policy)
    assert since.action is Action.REQUEST_RETRAIN


def test_a_later_champion_does_not_hide_an_earlier_request() -> None:
    """A replay judges hours before today's champion."""
    assert at({"ctr": YES}, champion_hours_ago=-48).action is Action.REQUEST_RETRAIN
    held = at({"ctr": YES}, hours_ago=(2,), champion_hours_ago=-48)
    assert held.action is Action.WARN
    assert "requested at 2011-05-02T10" in held.reasons[1]


def test_requests_of_this_hour_or_later_do_not_count() -> None:
    assert at({"ctr": YES}, hours_ago=(0, -1, -2)).action is Action.REQUEST_RETRAIN


def test_the_budget_is_of_the_last_24_hours() -> None:
    held = at({"ctr": YES}, hours_ago=(23, 13))
    assert held.action is Action.WARN
    assert held.reasons[1:] == ("budget: 2 requests in 24 hours, 2 allowed",)
    assert at({"ctr": YES}, hours_ago=(24, 13)).action is Action.REQUEST_RETRAIN
    assert at({"ctr": YES}, hours_ago=(13,)).action is Action.REQUEST_RETRAIN


def test_both_hold_it_back() -> None:
    held = at({"ctr": YES}, hours_ago=(23, 7, 1))
    assert [reason.partition(":")[0] for reason in held.reasons] == ["ctr", "cooldown", "budget"]


def test_no_cooldown() -> None:
    policy = replace(POLICY, cooldown=timedelta(0), max_retrains_per_day=99)
    said = at({"ctr": YES}, hours_ago=(1, 2, 3), champion_hours_ago=0, policy=policy)
    assert said.action is Action.REQUEST_RETRAIN


def test_cooldown_says_nothing_while_healthy() -> None:
    said = at({"ctr": NO}, hours_ago=(1, 2, 3))
    assert (said.action, said.reasons) == (Action.HEALTHY, ("ctr: fine",))
