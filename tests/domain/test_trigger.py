"""From what the sensors said to one decision: cooldown and budget to the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from evergreen.domain.trigger import Action, Finding, TriggerDecision, TriggerPolicy, decide
from evergreen.domain.verdict import Verdict

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)
YES = Finding(verdict=Verdict.YES, reason="CTR fell")
NO = Finding(verdict=Verdict.NO, reason="fine")
UNSURE = Finding(verdict=Verdict.NOT_ENOUGH_DATA, reason="12 impressions in the window")
POLICY = TriggerPolicy(cooldown=timedelta(hours=6), max_retrains_per_day=2)


def at(
    findings: dict[str, Finding],
    *,
    hours_ago: tuple[int, ...] = (),
    champion_hours_ago: int | None = None,
    policy: TriggerPolicy = POLICY,
) -> TriggerDecision:
    return decide(
        HOUR,
        findings,
        policy=policy,
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


def test_a_later_champion_does_not_hide_an_earlier_request() -> None:
    """A replay judges hours before today's champion."""
    assert at({"ctr": YES}, champion_hours_ago=-48).action is Action.REQUEST_RETRAIN
    held = at({"ctr": YES}, hours_ago=(2,), champion_hours_ago=-48)
    assert held.action is Action.WARN
    assert "requested at 2011-05-02T10" in held.reasons[1]


def test_requests_of_this_hour_or_later_do_not_count() -> None:
    assert at({"ctr": YES}, hours_ago=(0, -1, -2)).action is Action.REQUEST_RETRAIN


def test_the_budget_is_of_the_last_24_hours() -> None:
    held = at({"ctr": YES}, hours_ago=(23, 7))
    assert held.action is Action.WARN
    assert held.reasons[1:] == ("budget: 2 requests in 24 hours, 2 allowed",)
    assert at({"ctr": YES}, hours_ago=(24, 7)).action is Action.REQUEST_RETRAIN
    assert at({"ctr": YES}, hours_ago=(7,)).action is Action.REQUEST_RETRAIN


def test_both_hold_it_back() -> None:
    held = at({"ctr": YES}, hours_ago=(23, 7, 1))
    assert [reason.partition(":")[0] for reason in held.reasons] == ["ctr", "cooldown", "budget"]


def test_no_cooldown() -> None:
    policy = TriggerPolicy(cooldown=timedelta(0), max_retrains_per_day=99)
    said = at({"ctr": YES}, hours_ago=(1,), champion_hours_ago=0, policy=policy)
    assert said.action is Action.REQUEST_RETRAIN


def test_cooldown_says_nothing_while_healthy() -> None:
    said = at({"ctr": NO}, hours_ago=(1, 2, 3))
    assert (said.action, said.reasons) == (Action.HEALTHY, ("ctr: fine",))
