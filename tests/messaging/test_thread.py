"""An incident's thread: one, short, and its first message says how things stand."""

from __future__ import annotations

from datetime import timedelta

from made_thread import HOUR, MODEL, World, blocks_text

from evergreen.domain.alert import Alert, Topic

STORY = [
    (Alert.MODEL_STALE, {"status": "noticed", "facts": {"CTR": "10.63 %", "reasons": ["low"]}}),
    (Alert.MODEL_STALE, {"topic": Topic.RETRAINING, "status": "retraining since 14:05 UTC"}),
    (Alert.TASK_FAILED, {"severity": "error"}),
    (Alert.DEADLINE_MISSED, {}),
    (Alert.APPROVAL_WAITING, {"status": "a person is asked"}),
    (Alert.SMOKE_TEST_FAILED, {"severity": "error"}),
    (Alert.CHALLENGER_PROMOTED, {"severity": "info", "status": "deployed: version 3"}),
]


def test_an_incident_of_fifty_events_is_one_thread_of_at_most_eight_messages(both: World) -> None:
    incident = both.open_incident()
    kinds = [*STORY, (Alert.MODEL_SUSPECT, {}), (Alert.CHALLENGER_HELD, {})]
    for number in range(50):
        alert, said = STORY[0] if number == 0 else kinds[number % len(kinds)]
        both.say(alert, **said)
        both.visit()
        both.later(minutes=1)
    both.visit()
    (thread,) = both.slack.threads()
    assert len(thread) == 8
    assert len([m for m in thread if m.get("files")]) == 1
    assert len(both.ledger.deliveries(MODEL, incident=incident)) == 50
    assert all(event.delivered_at for event in both.ledger.deliveries(MODEL))
    assert "*Seen 11 times*, last 2026-03-10 14:45 UTC" in blocks_text(thread[0])
    assert both.undelivered() == 0
    assert both.ledger.models_due(both.now + timedelta(days=1)) == []


def test_the_thread_tells_the_incident_in_order_and_its_head_how_it_stands(world: World) -> None:
    world.open_incident()
    heads = []
    for alert, said in (STORY[0], STORY[1], STORY[-1]):
        world.say(alert, **said)
        world.visit()
        heads.append(blocks_text(world.slack.threads()[0][0]))
        world.later(minutes=3)
    assert [line for head in heads for line in head.splitlines() if line.startswith("*Now:")] == [
        "*Now:* noticed",
        "*Now:* retraining since 14:05 UTC",
        "*Now:* deployed: version 3",
    ]
    (thread,) = world.slack.threads()
    assert [m["text"] for m in thread] == [
        f"{MODEL}: message 1",
        "",  # the picture
        f"{MODEL}: message 2",
        f"{MODEL}: message 3",
    ]
    assert world.charts == [1]
    assert heads[0].startswith(f":large_yellow_circle: {MODEL}: model is stale")
    assert "<https://git.example/runbooks/model_stale.md|Runbook>" in heads[0]


def test_closing_an_incident_that_nothing_ended_says_so_in_its_head(both: World) -> None:
    both.open_incident()
    both.say(Alert.MODEL_STALE, status="noticed")
    both.visit()
    both.ledger.close_incident(MODEL, outcome="answered by version 5", now=both.now)
    assert both.visit().changed == 1
    head = blocks_text(both.slack.threads()[0][0])
    assert "*Now:* ended: answered by version 5" in head
    assert head.startswith(":white_check_mark:")
    assert "What to do" not in head


def test_closing_after_the_outcome_was_said_changes_nothing(world: World) -> None:
    world.open_incident()
    world.say(Alert.MODEL_STALE, status="noticed")
    world.say(Alert.CHALLENGER_HELD, status="held: version 2 stays")
    world.ledger.close_incident(MODEL, outcome="HOLD: kept version 2")
    world.visit()
    assert "*Now:* held: version 2 stays" in blocks_text(world.slack.threads()[0][0])


def test_a_rollback_by_hand_ends_its_incident_in_its_own_words(world: World) -> None:
    world.open_incident()
    world.say(Alert.MODEL_STALE, status="noticed")
    world.say(Alert.ROLLED_BACK, status="rolled back to version 2")
    world.visit()
    world.ledger.close_incident(MODEL, outcome="rolled back to version 2", now=world.now)
    world.visit()
    head = blocks_text(world.slack.threads()[0][0])
    assert head.startswith(f":white_check_mark: {MODEL}: model was stale\n*Now:* rolled back to")


def test_a_kind_of_message_that_this_version_does_not_know_is_sent(world: World) -> None:
    world.ledger.post(
        "k", model=MODEL, severity="info", text="from later", alert="new", send=True, now=world.now
    )
    world.visit()
    assert world.shown() == ["from later"]


def test_the_next_incident_begins_a_thread_of_its_own(world: World) -> None:
    for _ in range(2):
        world.open_incident()
        world.say(Alert.MODEL_STALE)
        world.ledger.close_incident(MODEL, outcome="promoted version 2")
    world.visit()
    assert [len(thread) for thread in world.slack.threads()] == [2, 2]


def test_what_has_nothing_to_do_with_an_incident_stands_alone(world: World) -> None:
    world.open_incident()
    world.say(Alert.MODEL_STALE)
    for alert in (Alert.HOUR_LATE, Alert.HOURS_QUARANTINED, Alert.ALIAS_MOVED):
        world.say(alert)
    world.visit()
    assert [len(thread) for thread in world.slack.threads()] == [2, 1, 1, 1]


def test_a_reply_without_an_incident_stands_alone(world: World) -> None:
    world.say(Alert.CHALLENGER_HELD)
    world.say(Alert.CHALLENGER_HELD)
    world.visit()
    assert [len(thread) for thread in world.slack.threads()] == [1, 1]


def test_the_same_key_is_said_once(both: World) -> None:
    both.open_incident()
    both.say(Alert.MODEL_STALE, key="k")
    again = {"model": MODEL, "severity": "error", "text": "x", "alert": Alert.MODEL_STALE}
    assert not both.ledger.post("k", topic=Topic.NOTICED, send=True, **again)
    both.visit()
    assert blocks_text(both.slack.posted()[0]).count("Seen") == 0


def test_what_was_kept_is_not_sent_when_a_token_comes(world: World) -> None:
    world.open_incident()
    world.say(Alert.MODEL_STALE, send=False)
    world.say(Alert.MODEL_SUSPECT)  # a token has come: the thread begins here
    world.visit()
    assert [len(thread) for thread in world.slack.threads()] == [1]
    assert "Seen" not in blocks_text(world.slack.posted()[0])
    assert world.undelivered() == 0


def test_the_reasons_are_not_told_twice_in_a_thread(world: World) -> None:
    world.open_incident()
    gain, answer = "gain +0.07 (0.06 to 0.08)", "ann: checked the slices"
    world.say(Alert.MODEL_STALE)
    world.say(Alert.APPROVAL_WAITING, facts={"reasons": [gain]})
    world.say(Alert.CHALLENGER_PROMOTED, facts={"reasons": [gain, answer]})
    world.visit()
    told = [[blocks_text(m).count(t) for t in (gain, answer)] for m in world.slack.threads()[0]]
    assert told == [[0, 0], [0, 0], [1, 0], [0, 1]]


def test_a_message_that_came_late_has_its_own_time(world: World) -> None:
    world.say(Alert.HOUR_LATE)
    world.later(hours=30)
    world.visit()
    assert f"{HOUR:%Y-%m-%d %H:%M} UTC (arrived late)" in blocks_text(world.slack.posted()[0])
