"""The outbox while Slack is away, busy, or refuses: nothing is lost, and nothing else waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_thread import MODEL, World, blocks_text, made_spec

from evergreen.domain.alert import Alert, Topic
from evergreen.messaging import courier as module
from fake_slack import TOKEN

BAD = ["down", "500", "429", "invalid_auth"]


@pytest.mark.parametrize("mode", BAD)
def test_a_day_without_slack_then_each_message_once_in_order(world: World, mode: str) -> None:
    world.slack.mode = mode
    said = []
    for hour in range(24):
        said.append(world.say(Alert.HOUR_LATE))
        world.visit()
        world.later(hours=1)
        assert world.undelivered() == hour + 1
    (waiting,) = world.ledger.undelivered(MODEL)
    assert waiting.last_error
    assert TOKEN not in waiting.last_error
    world.slack.mode = "well"
    world.later(minutes=16)
    world.visit()
    assert world.shown() == said
    assert world.undelivered() == 0
    world.later(days=1)
    assert world.visit().posted == 0
    assert len(world.slack.messages) == 24


@pytest.mark.parametrize("mode", ["down", "429"])
def test_an_incident_during_the_outage_comes_as_one_thread_with_its_end(
    both: World, mode: str
) -> None:
    both.slack.mode = mode
    both.open_incident()
    for status, alert in (
        ("noticed", Alert.MODEL_STALE),
        ("deployed: version 3", Alert.CHALLENGER_PROMOTED),
    ):
        both.say(alert, status=status)
        both.visit()
    both.slack.mode = "well"
    both.later(hours=24)
    both.visit()
    (thread,) = both.slack.threads()
    assert len(thread) == 3
    assert "*Now:* deployed: version 3" in blocks_text(thread[0])


def test_retry_after_is_honoured(world: World) -> None:
    world.slack.mode, world.slack.retry_after_s = "429", 90
    world.say(Alert.HOUR_LATE)
    assert "asked to wait 90 s" in str(world.visit().unreachable)
    world.slack.mode = "well"
    world.later(seconds=89)
    assert world.ledger.models_due(world.now) == []
    assert world.visit().posted == 0
    world.later(seconds=1)
    assert world.visit().posted == 1


def test_attempts_grow_rarer_while_slack_is_away(world: World) -> None:
    world.slack.mode = "500"
    world.say(Alert.HOUR_LATE)
    waits = []
    for _ in range(8):
        world.visit()
        (message,) = world.ledger.waiting(MODEL)
        waits.append((message.next_at - world.now).total_seconds())
        world.now = message.next_at
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


@pytest.mark.parametrize("code", ["channel_not_found", "not_in_channel", "is_archived"])
def test_one_missing_channel_holds_up_no_other(world: World, code: str) -> None:
    world.spec = made_spec(alerts={"by_severity": {"error": "#oncall"}})

    def refuse(method: str, asked: dict) -> None:
        world.slack.mode = code if asked.get("channel") == "#shop" else "well"

    world.slack.before = refuse
    world.say(Alert.HOUR_LATE)
    world.say(Alert.HOUR_LATE)
    world.say(Alert.TASK_FAILED, severity="error")
    done = world.visit()
    assert code in str(done.refused)
    world.visit()
    assert world.shown() == []
    failed, told = world.shown("oncall")
    assert failed == f"{MODEL}: message 3"
    assert told == f"{MODEL}: Slack refuses messages for #shop, so they wait: {done.refused}"
    world.slack.before, world.slack.mode = None, "well"
    world.later(minutes=15)
    world.visit()
    assert world.shown() == [f"{MODEL}: message 1", f"{MODEL}: message 2"]
    assert len(world.slack.messages) == 4


def test_a_refusal_is_said_once_a_day_in_the_ledger(world: World) -> None:
    world.slack.mode = "token_revoked"
    world.say(Alert.HOUR_LATE)
    for _ in range(5):
        world.visit()
        world.later(minutes=20)
    events = [e.text for e in world.ledger.deliveries(MODEL) if e.alert == "delivery_failed"]
    assert events == [
        f"{MODEL}: Slack refuses messages for #shop, so they wait: "
        "Slack: chat.postMessage: token_revoked"
    ]


def test_what_slack_does_not_take_is_sent_as_text(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "content_of", _too_many_blocks(module.content_of))
    world.say(Alert.HOUR_LATE)
    world.visit()
    (message,) = world.slack.posted()
    assert (message["text"], message["blocks"]) == (f"{MODEL}: message 1", [])


@pytest.mark.filterwarnings("ignore:The top-level `text` argument")
def test_what_slack_does_not_take_at_all_holds_nothing_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.say(Alert.HOUR_LATE)
    world.say(Alert.HOUR_LATE)
    first: list[int] = []

    def empty(told):
        content = real(told)
        if told.message.id in first or not first:
            first.append(told.message.id)
            return type(content)(text="", blocks=())
        return content

    real = module.content_of
    monkeypatch.setattr(module, "content_of", empty)
    world.visit()
    assert world.shown() == [f"{MODEL}: message 2"]
    assert [(m.state, m.error) for m in world.ledger.messages(MODEL)] == [
        ("failed", "Slack: chat.postMessage: no_text"),
        ("delivered", None),
    ]
    assert world.undelivered() == 0


def test_a_fault_of_ours_costs_the_blocks_and_not_the_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(told: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "content_of", broken)
    world.say(Alert.HOUR_LATE, text="a <b>")
    world.visit()
    (message,) = world.slack.posted()
    assert (message["text"], message["blocks"]) == ("a &lt;b&gt;", [])


def _too_many_blocks(real):
    def content(told):
        said = real(told)
        return type(said)(text=said.text, blocks=said.blocks * 20)

    return content


def test_a_thread_that_a_person_deleted_loses_no_message(world: World) -> None:
    world.open_incident()
    world.say(Alert.MODEL_STALE, status="noticed")
    world.visit()
    world.slack.messages.clear()
    world.say(Alert.CHALLENGER_HELD, status="held: version 2 stays")
    world.visit()
    assert world.shown() == [f"{MODEL}: message 2"]
    assert world.ledger.models_due(world.now) == []


def test_a_picture_that_may_not_be_sent_keeps_no_words_back(world: World) -> None:
    world.slack.scopes_missing = {"files.getUploadURLExternal"}
    world.open_incident()
    world.say(Alert.MODEL_STALE)
    world.say(Alert.CHALLENGER_HELD)
    world.visit()
    assert [len(thread) for thread in world.slack.threads()] == [2]
    chart = world.ledger.messages(MODEL)[1]
    assert (chart.topic, chart.state) == (Topic.CHART, "failed")
    assert "missing_scope (needs the scope some:scope)" in str(chart.error)


def test_a_channel_that_is_not_named_any_more(world: World) -> None:
    world.say(Alert.HOUR_LATE)
    world.spec = made_spec(slack_channel="")
    assert "names no channel" in str(world.visit().refused)
    world.spec = made_spec()
    world.later(minutes=15)
    world.visit()
    assert world.shown() == [f"{MODEL}: message 1"]


def test_undelivered_of_every_model(both: World) -> None:
    both.ledger.post("o", model="other", severity="info", text="t", send=True, now=both.now)
    both.later(minutes=1)
    both.slack.mode = "500"
    both.say(Alert.HOUR_LATE)
    both.visit()
    ours, others = both.ledger.undelivered()
    assert (ours.model, ours.count, ours.oldest_posted_at) == (MODEL, 1, both.now)
    assert ours.last_error == "Slack: chat.postMessage: HTTP 500, and no answer in JSON"
    assert (others.model, others.count, others.last_error) == ("other", 1, None)
    assert both.ledger.undelivered("nobody") == []


def test_what_was_said_while_slack_refused_the_first_words_is_not_lost(world: World) -> None:
    world.open_incident()
    world.say(Alert.MODEL_SUSPECT)
    (read,) = world.ledger.waiting(MODEL)
    world.say(Alert.MODEL_SUSPECT)  # the same topic: a new revision of the same message
    world.ledger.give_up(read, error="no_text")
    assert [m.revision for m in world.ledger.waiting(MODEL)] == [2]
    world.visit()
    assert len(world.slack.messages) == 1


def test_a_picture_with_nothing_to_draw_is_not_counted_as_sent(world: World) -> None:
    world.open_incident()
    world.say(Alert.MODEL_STALE)
    done = replace(world.courier(), chart=lambda *_: None).visit(world.spec, budget_s=60)
    assert (done.posted, len(world.slack.messages)) == (1, 1)


def test_a_key_longer_than_its_column_is_one_key(both: World) -> None:
    long, other = "r" * 300, "r" * 299 + "s"
    said = {"model": MODEL, "severity": "error", "text": "t"}
    assert both.ledger.post(long, **said)
    assert not both.ledger.post(long, **said)
    assert both.ledger.was_said(long)
    assert both.ledger.post(other, **said)
