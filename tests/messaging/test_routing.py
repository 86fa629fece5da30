"""Channels by severity, and quiet hours: what waits, what does not, and what it takes along."""

from __future__ import annotations

from datetime import UTC, datetime

from made_thread import MODEL, World, made_spec

from evergreen.domain.alert import Alert

QUIET = {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"}
NIGHT = datetime(2026, 3, 10, 22, 30, tzinfo=UTC)  # half past eleven in Berlin


def test_an_error_goes_to_the_channel_of_errors(world: World) -> None:
    world.spec = made_spec(alerts={"by_severity": {"error": "#oncall"}})
    world.say(Alert.HOUR_LATE)
    world.say(Alert.TASK_FAILED, severity="error")
    world.visit()
    assert world.shown() == [f"{MODEL}: message 1"]
    assert world.shown("oncall") == [f"{MODEL}: message 2"]


def test_an_error_leaves_a_thread_that_a_warning_began(world: World) -> None:
    world.spec = made_spec(alerts={"by_severity": {"error": "#oncall", "info": "#shop"}})
    world.open_incident()
    world.say(Alert.MODEL_STALE, status="noticed")
    world.say(Alert.SMOKE_TEST_FAILED, severity="error", status="it needs a person")
    world.say(Alert.CHALLENGER_PROMOTED, severity="info")
    world.visit()
    assert [len(thread) for thread in world.slack.threads()] == [3]  # with the picture
    assert [len(thread) for thread in world.slack.threads("oncall")] == [1]


def test_an_error_that_began_a_thread_keeps_it_together(world: World) -> None:
    world.spec = made_spec(alerts={"by_severity": {"error": "#oncall"}})
    world.open_incident()
    world.say(Alert.PROBATION_FAILED, severity="error")
    world.say(Alert.CHALLENGER_HELD)
    world.visit()
    assert [len(thread) for thread in world.slack.threads("oncall")] == [2]
    assert world.shown() == []


def test_quiet_hours_hold_back_and_then_all_comes_in_order(world: World) -> None:
    world.spec, world.now = made_spec(alerts={"quiet_hours": QUIET}), NIGHT
    said = [world.say(Alert.HOUR_LATE) for _ in range(3)]
    assert world.visit().held == 3
    world.say(Alert.TASK_FAILED, severity="error")
    world.visit()
    assert world.shown() == [f"{MODEL}: message 4"]
    (waiting,) = world.ledger.undelivered(MODEL)
    assert (waiting.count, waiting.last_error) == (3, None)
    world.now = datetime(2026, 3, 11, 6, 0, tzinfo=UTC)
    world.visit()
    assert world.shown() == [f"{MODEL}: message 4", *said]


def test_an_error_in_a_thread_takes_along_what_stands_before_it(world: World) -> None:
    world.spec, world.now = made_spec(alerts={"quiet_hours": QUIET}), NIGHT
    world.open_incident()
    world.say(Alert.MODEL_STALE)
    world.say(Alert.HOUR_LATE)
    assert world.visit().posted == 0
    world.say(Alert.SMOKE_TEST_FAILED, severity="error")
    world.say(Alert.CHALLENGER_HELD)
    world.visit()
    (thread,) = world.slack.threads()
    assert [m["text"] for m in thread if m["text"]] == [f"{MODEL}: message {n}" for n in (1, 3)]
    world.now = datetime(2026, 3, 11, 6, 0, tzinfo=UTC)
    world.visit()
    assert [len(thread) for thread in world.slack.threads()] == [4, 1]


def test_to_change_a_message_makes_no_sound_and_does_not_wait(world: World) -> None:
    world.spec = made_spec(alerts={"quiet_hours": QUIET})
    world.open_incident()
    world.say(Alert.MODEL_STALE, status="noticed")
    world.visit()
    world.now = NIGHT
    world.say(Alert.MODEL_SUSPECT)
    assert world.visit().changed == 1


def test_severities_that_never_wait_are_named(world: World) -> None:
    world.spec = made_spec(alerts={"quiet_hours": {**QUIET, "except": []}})
    world.now = NIGHT
    world.say(Alert.TASK_FAILED, severity="error")
    assert world.visit().held == 1
