"""The outbox in the database: threads begun once, one deliverer at a time, old rows left alone."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from evergreen.adapters.ledger import Ledger
from evergreen.domain.alert import Alert, Topic

MODEL = "also_bought"
HOUR = datetime(2026, 3, 10, 14, tzinfo=UTC)
LEASE = timedelta(minutes=2)


def say(ledger: Ledger, key: str, topic: Topic | None = Topic.NOTICED, **values: object) -> bool:
    said = {"severity": "warning", "text": key, "alert": Alert.MODEL_STALE, "send": True}
    return ledger.post(key, model=MODEL, topic=topic, **{"now": HOUR, **said, **values})  # type: ignore[arg-type]


def test_many_at_once_begin_one_thread_and_say_each_thing_once(ledger: Ledger) -> None:
    incident = ledger.open_incident(MODEL, HOUR, evidence={})
    topics = [Topic.NOTICED, Topic.RETRAINING, Topic.OUTCOME]
    start, new, errors = threading.Barrier(6), [], []

    def work(number: int) -> None:
        start.wait()
        try:
            for turn in range(4):  # half of the keys are said by two
                key, topic = f"{number % 3}/{turn}", topics[(number + turn) % 3]
                new.append(say(ledger, key, topic, status=f"by {number}", chart=True))
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert (sum(new), len(new)) == (12, 24)
    messages = ledger.messages(MODEL, incident=incident)
    assert sorted(str(m.topic) for m in messages) == ["chart", "noticed", "outcome", "retraining"]
    assert [m.status is not None for m in messages] == [True, False, False, False]
    events = ledger.deliveries(MODEL, incident=incident)
    assert {event.message for event in events} == {m.id for m in messages if m.topic != Topic.CHART}


def test_one_at_a_time_has_a_model_s_outbox(ledger: Ledger) -> None:
    assert ledger.take_outbox(MODEL, holder="a", now=HOUR, lease=LEASE)
    assert not ledger.take_outbox(MODEL, holder="b", now=HOUR, lease=LEASE)
    assert ledger.take_outbox("other", holder="b", now=HOUR, lease=LEASE)
    assert ledger.take_outbox(MODEL, holder="a", now=HOUR, lease=LEASE)
    ledger.leave_outbox(MODEL, holder="b")
    assert not ledger.take_outbox(MODEL, holder="b", now=HOUR + LEASE / 2, lease=LEASE)
    assert ledger.take_outbox(MODEL, holder="b", now=HOUR + LEASE, lease=LEASE)
    say(ledger, "k")
    (message,) = ledger.waiting(MODEL)
    later = HOUR + LEASE
    assert not ledger.begin_attempt(message, holder="a", now=later, lease=LEASE)
    assert ledger.begin_attempt(message, holder="b", now=later, lease=LEASE)
    assert not ledger.begin_attempt(message, holder="b", now=later + LEASE, lease=LEASE)


def test_many_at_once_ask_for_the_outbox_and_one_gets_it(ledger: Ledger) -> None:
    start, got = threading.Barrier(8), []

    def work(name: str) -> None:
        start.wait()
        if ledger.take_outbox(MODEL, holder=name, now=HOUR, lease=LEASE):
            got.append(name)

    workers = [threading.Thread(target=work, args=(str(number),)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(got) == 1


def test_what_came_while_a_message_was_sent_still_waits(ledger: Ledger) -> None:
    ledger.open_incident(MODEL, HOUR, evidence={})
    say(ledger, "a")
    (message,) = ledger.waiting(MODEL)
    (first,), _ = ledger.told_by(message.id, first=1, last=1)
    say(ledger, "b")
    ledger.sent(message, now=HOUR, last_event=first.id, channel_name="#s", channel="C1", ts="1.0")
    (again,) = ledger.waiting(MODEL)
    assert (again.ts, again.revision, again.sent_revision) == ("1.0", 2, 1)
    assert [e.delivered_at is not None for e in ledger.deliveries(MODEL)] == [True, False]
    assert ledger.undelivered(MODEL) == []
    assert ledger.channel_id("#s") == "C1"


def test_the_worst_severity_is_a_message_s(ledger: Ledger) -> None:
    ledger.open_incident(MODEL, HOUR, evidence={})
    for number, severity in enumerate(["info", "error", "warning"]):
        say(ledger, str(number), severity=severity)
    assert [m.severity for m in ledger.messages(MODEL)] == ["error"]


def test_facts_that_no_json_knows_are_kept_as_it_can(ledger: Ledger) -> None:
    say(ledger, "k", facts={"ctr": float("nan"), "at": HOUR, "reasons": ["é <&>"]})
    (event,) = ledger.deliveries(MODEL)
    assert event.facts == {"ctr": None, "at": HOUR.isoformat(), "reasons": ["é <&>"]}


@pytest.mark.parametrize("again", [False, True])
def test_what_was_said_before_the_outbox_is_never_sent(ledger_url: str, again: bool) -> None:
    ledger = Ledger(ledger_url)
    ledger.migrate()
    _to(ledger, "0003")
    with ledger._writing() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO deliveries (key, model, severity, text, posted_at) "
                "VALUES ('old', 'also_bought', 'warning', 'hello', '2026-01-01 00:00:00')"
            )
        )
    ledger.migrate()
    if again:  # down once more: what was said stays
        _to(ledger, "0003")
        ledger.migrate()
    (event,) = ledger.deliveries(MODEL)
    assert (event.text, event.alert, event.message) == ("hello", None, None)
    assert ledger.undelivered() == []
    assert ledger.models_due(HOUR) == []
    ledger.close()


def _to(ledger: Ledger, revision: str) -> None:
    from pathlib import Path

    from alembic import command
    from alembic.config import Config

    from evergreen.adapters import ledger_database

    config = Config()
    folder = Path(ledger_database.__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder))
    with ledger._writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
