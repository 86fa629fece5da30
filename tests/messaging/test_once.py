"""Each message once: answers that are lost, couriers that are killed, several at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from made_thread import MODEL, World

from evergreen.domain.alert import Alert
from evergreen.messaging import courier as module

BAD = ["down", "500", "429", "invalid_auth"]


@pytest.mark.parametrize("thread", [False, True])
def test_an_answer_that_was_lost_sends_nothing_twice(both: World, thread: bool) -> None:
    if thread:
        both.open_incident()
        both.say(Alert.MODEL_STALE)
        both.visit()
    both.slack.mode = "answers_lost"
    both.say(Alert.CHALLENGER_HELD)
    before = len(both.slack.messages)
    assert both.visit().unreachable
    assert len(both.slack.messages) == before + 1  # Slack has it, and we do not know
    both.slack.mode = "well"
    both.later(minutes=1)
    both.visit()
    both.visit()
    assert len(both.slack.messages) == before + 1
    assert both.undelivered() == 0


def test_a_slow_answer_counts_as_lost(world: World) -> None:
    world.slack.mode, world.slack.slow_s = "slow", 1.5
    world.say(Alert.HOUR_LATE)
    assert "timed out" in str(world.visit(timeout_s=1).unreachable)
    world.slack.mode = "well"
    world.later(minutes=1)
    world.visit()
    assert len(world.slack.messages) == 1


def test_killed_between_the_answer_and_our_commit(
    both: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends there: nothing is cleaned up, the lease stays."""

    class Killed(BaseException):
        pass

    ledger, real = type(both.ledger), type(both.ledger).sent
    may_finish: list[int] = []

    def sent(self: object, message: object, **values: object) -> None:
        if not may_finish:
            raise Killed
        may_finish.pop()
        real(self, message, **values)  # type: ignore[arg-type]

    def killed(*_: object, **__: object) -> None:
        raise Killed

    both.open_incident()
    for alert in (Alert.MODEL_STALE, Alert.CHALLENGER_HELD):
        both.say(alert)
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "sent", sent)
        patched.setattr(ledger, "leave_outbox", killed)
        for shown in (1, 2, 3):  # the head, the picture, the reply
            with pytest.raises(Killed):
                both.visit()
            assert len(both.slack.messages) == shown
            assert both.visit().busy  # the dead one's lease
            both.later(minutes=3)
            may_finish.append(1)  # the next one finishes what this one left, and is killed after
    both.visit()
    (thread,) = both.slack.threads()
    assert len(thread) == 3
    assert both.undelivered() == 0


VISIT = """
import sys
from datetime import datetime
from evergreen.adapters.ledger import Ledger
from evergreen.adapters.slack import Slack
from evergreen.messaging.courier import Courier
from made_thread import made_spec
ledger_url, slack_url, token, now = sys.argv[1:]
courier = Courier(
    ledger=Ledger(ledger_url), slack=Slack(token, url=slack_url), chart=lambda *_: None,
    clock=lambda: datetime.fromisoformat(now),
)
courier.visit(made_spec(), budget_s=60)
"""


def test_a_process_that_is_killed_when_slack_has_the_message(both: World, ledger_url: str) -> None:
    """SIGKILL, by the fake itself, before the courier has its answer."""
    said = [both.say(Alert.HOUR_LATE) for _ in range(3)]
    arguments = [ledger_url, both.slack.url, both.slack.token, both.now.isoformat()]
    process = subprocess.Popen([sys.executable, "-c", VISIT, *arguments], env=_environment())

    def kill(method: str) -> None:
        if method == "chat.postMessage" and len(both.slack.messages) == 2:
            process.kill()
            process.wait()

    both.slack.after = kill
    assert process.wait(60) == -9
    assert both.shown() == said[:2]
    assert both.undelivered() == 2  # Slack has one of them, which nobody knows
    both.slack.after = None
    both.later(minutes=3)
    both.visit()
    assert both.shown() == said
    assert both.undelivered() == 0


def _environment() -> dict[str, str]:
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1]), *sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.mark.parametrize("mode", BAD)
def test_what_is_not_known_stays_so_while_slack_cannot_be_looked_at(
    world: World, mode: str
) -> None:
    world.slack.mode = "answers_lost"
    world.say(Alert.HOUR_LATE)
    world.visit()
    world.slack.mode = mode
    world.later(minutes=20)
    world.visit()
    world.slack.mode = "well"
    world.later(minutes=20)
    world.visit()
    assert len(world.slack.messages) == 1
    assert world.undelivered() == 0


def test_without_the_right_to_look_a_message_comes_rather_twice_than_never(world: World) -> None:
    world.slack.mode = "answers_lost"
    world.say(Alert.HOUR_LATE)
    world.visit()
    world.slack.mode = "well"
    world.slack.scopes_missing = {"conversations.list", "conversations.history"}
    world.later(minutes=1)
    world.visit()
    assert len(world.slack.messages) == 2


def test_two_couriers_at_once_send_each_message_once(both: World) -> None:
    said = [both.say(Alert.HOUR_LATE) for _ in range(12)]
    both.slack.before = lambda *_: time.sleep(0.01)
    start, busy = threading.Barrier(4), []

    def work() -> None:
        carrier = both.courier()
        start.wait()
        for _ in range(6):
            busy.append(carrier.visit(both.spec, budget_s=30).busy)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert both.shown() == said
    assert any(busy)


def test_a_courier_that_lost_its_lease_sends_nothing_more(both: World) -> None:
    for _ in range(2):
        both.say(Alert.HOUR_LATE)
    late = both.courier()
    others: list[int] = []

    def asleep(method: str, asked: dict) -> None:
        if not others:  # while the first request is under way, the courier's machine is suspended
            others.append(1)
            both.later(minutes=5)
            both.slack.before = None

    both.slack.before = asleep
    assert late.visit(both.spec, budget_s=60).posted == 1
    assert both.ledger.take_outbox(MODEL, holder="other", now=both.now, lease=timedelta(minutes=2))
    both.ledger.leave_outbox(MODEL, holder="other")
    both.visit()
    assert len(both.slack.messages) == 2


def test_a_reply_that_was_lost_outside_of_a_deleted_thread_is_found_there(world: World) -> None:
    world.open_incident()
    world.say(Alert.MODEL_STALE)
    world.visit()
    world.slack.messages.clear()
    world.slack.mode = "answers_lost"
    world.say(Alert.CHALLENGER_HELD)
    world.visit()  # refused for the thread, and that answer is lost too
    world.slack.mode = "well"

    def lose_the_answer(method: str) -> None:
        if world.slack.messages:
            world.slack.mode = "answers_lost"

    world.slack.after = lose_the_answer
    world.later(minutes=1)
    assert world.visit().unreachable  # outside of the thread: Slack has it, and we do not know
    assert len(world.slack.messages) == 1
    world.slack.after, world.slack.mode = None, "well"
    world.later(hours=1)
    world.visit()
    assert world.shown() == [f"{MODEL}: message 2"]
    assert world.undelivered() == 0


def test_who_is_in_a_hurry_does_not_search(world: World) -> None:
    world.slack.mode = "answers_lost"
    first = world.say(Alert.HOUR_LATE)
    world.visit()
    world.slack.mode = "well"
    second = world.say(Alert.HOUR_LATE)
    world.later(minutes=1)
    assert world.visit(may_search=False).posted == 0
    world.visit()
    assert world.shown() == [first, second]


def test_what_is_said_while_a_courier_is_at_work_is_taken_along(world: World) -> None:
    world.say(Alert.HOUR_LATE)
    said: list[str] = []

    def say_more(method: str) -> None:
        if not said:
            said.append(world.say(Alert.ALIAS_MOVED))
            assert world.visit().busy

    world.slack.after = say_more
    assert world.visit().posted == 2
    assert world.shown()[1:] == said


@pytest.mark.parametrize("other", ["is at work", "has come and gone"])
def test_who_looked_for_longer_than_the_lease_sends_nothing(
    both: World, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """While one courier searches Slack, its lease ends and another one posts the message."""
    both.slack.mode = "down"
    both.say(Alert.HOUR_LATE)
    both.visit()  # an attempt whose end may be unknown
    both.slack.mode = "well"
    both.later(hours=1)
    (message,) = both.ledger.waiting(MODEL)
    slow, real = both.courier(), module.posted_before
    begun = both.ledger.take_outbox(MODEL, holder="x", now=both.now, lease=module.LEASE)
    assert begun
    both.ledger.begin_attempt(message, holder="x", now=both.now, lease=module.LEASE)
    both.ledger.leave_outbox(MODEL, holder="x")  # begun and not finished: to be looked for

    def searching(*asked: Any, **how: Any) -> Any:
        found = real(*asked, **how)
        monkeypatch.setattr(module, "posted_before", real)
        both.later(minutes=3)
        if other == "is at work":
            both.ledger.take_outbox(MODEL, holder="y", now=both.now, lease=module.LEASE)
        else:
            assert both.courier().visit(both.spec, budget_s=60).posted == 1
        return found

    monkeypatch.setattr(module, "posted_before", searching)
    done = slow.visit(both.spec, budget_s=60)
    assert (done.busy, done.posted) == (True, 0)
    assert len(both.slack.messages) == (0 if other == "is at work" else 1)
