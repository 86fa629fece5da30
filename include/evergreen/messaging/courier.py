"""Delivers a model's messages: in order, each once, and none lost while Slack is away.

One courier at a time has a model's outbox (a lease in the ledger). An attempt is written down
before Slack is asked and finished after its answer. One whose end was never written may have been
carried out, so Slack is looked at before it is made again.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from evergreen.adapters.ledger import Ledger, Message
from evergreen.adapters.slack import Content, Posted, Slack
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.alert import Alert, Topic
from evergreen.domain.errors import SlackRefused, SlackUnreachable
from evergreen.domain.mrkdwn import escaped
from evergreen.domain.refusal import Refusal, refusal_of
from evergreen.messaging.blocks import content_of
from evergreen.messaging.lookup import Attempt, attached_before, posted_before
from evergreen.messaging.routing import Place, held_back, place_of
from evergreen.messaging.told import Told, told_of

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # more than the longest one request
FIRST_DELAY, MAX_DELAY = timedelta(seconds=30), timedelta(minutes=15)
REFUSED_DELAY = timedelta(minutes=15)  # a person has to mend it; then all of it comes
MAX_CHART_ATTEMPTS = 10
TEXT_LENGTH = 3_000

Chart = Callable[[ModelSpec, Message], bytes | None]
"""Draws the picture of a message's incident; None where there is nothing to draw."""


@dataclass(slots=True, kw_only=True)
class Round:
    """What one visit to an outbox did.

    Parameters:
        posted, changed: messages that Slack took.
        held: messages that wait for the end of quiet hours.
        busy: whether another courier has this outbox.
        unreachable, refused: why the rest waits: Slack's matter, or a person's.
        stop: whether there is no point in visiting other outboxes now.
    """

    posted: int = 0
    changed: int = 0
    held: int = 0
    busy: bool = False
    unreachable: str | None = None
    refused: str | None = None
    stop: bool = False


class LeaseLost(Exception):
    """Another courier has taken over: this one was away for longer than its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Carries messages from the ledger to one workspace.

    Parameters:
        chart: draws an incident's picture.
        runbooks_url: where `docs/runbooks/` is on the web.
        pace_s: pause after each message that is posted; Slack takes one a second for each channel.
        may_search: whether a message is looked for in Slack whose sending was not finished; that
            may take long, so who is in a hurry leaves it, and what stands behind it, to others.
        clock: the time of day.
    """

    ledger: Ledger
    slack: Slack
    chart: Chart
    runbooks_url: str = ""
    pace_s: float = 0.0
    may_search: bool = True
    clock: Callable[[], datetime] = lambda: datetime.now(tz=UTC)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def visit(self, spec: ModelSpec, *, budget_s: float) -> Round:
        """Deliver what waits for a model, until it is done, Slack says no, or time is up.

        Raises:
            LedgerUnreachable: the ledger is away.
        """
        done, give_up_at = Round(), time.monotonic() + budget_s
        mine = self.ledger.take_outbox(spec.model, holder=self.name, now=self.clock(), lease=LEASE)
        if not mine:
            done.busy = True
            return done
        try:
            while self._deliver(spec, done, give_up_at):
                pass  # something may have been said meanwhile, by who found this outbox taken
        except LeaseLost:
            done.busy = True
        finally:
            self.ledger.leave_outbox(spec.model, holder=self.name)
        return done

    def _deliver(self, spec: ModelSpec, done: Round, give_up_at: float) -> bool:
        """Go through what waits once; return whether it is worth doing again."""
        before = done.posted + done.changed
        waiting = self.ledger.waiting(spec.model)
        held = held_back(waiting, spec, self.clock())
        done.held = len(held)
        blocked: set[str] = set()
        for message in waiting:
            if message.id in held:
                continue
            if time.monotonic() >= give_up_at or done.stop:
                return False
            head = self.ledger.thread_head(message.incident) if message.incident else None
            place = place_of(message, head, spec)
            if place.channel in blocked:
                continue
            lost = message.begun_at is not None and message.ts is None
            later = message.next_at > self.clock() or (lost and not self.may_search)
            if later or not self._try(message, place, spec, done):
                blocked.add(place.channel)
        return done.posted + done.changed > before and not done.stop

    def _try(self, message: Message, place: Place, spec: ModelSpec, done: Round) -> bool:
        """Send one message; False where those behind it in its channel must wait for it."""
        posts = message.ts is None
        attempt = Attempt(message=message, place=place, looked=message.begun_at is None)
        try:
            if not self._send(attempt, spec):
                return True
        except SlackUnreachable as error:
            wait = _backoff(message.attempts, error.retry_after_s)
            done.unreachable, done.stop = str(error), True
            if message.topic == Topic.CHART and message.attempts + 1 >= MAX_CHART_ATTEMPTS:
                self.ledger.give_up(message, error=str(error))
                return False
            surely = error.surely and attempt.looked
            self.ledger.not_sent(
                message, error=str(error), next_at=self.clock() + wait, surely=surely
            )
            return False
        except SlackRefused as error:
            return self._refused(attempt, spec, error, done)
        done.posted, done.changed = done.posted + posts, done.changed + (not posts)
        if posts and self.pace_s:
            time.sleep(self.pace_s)
        return True

    def _send(self, attempt: Attempt, spec: ModelSpec) -> bool:
        """Send a message; False where there was nothing to send, and it is given up.

        Raises:
            LeaseLost: to look for it took so long that another courier has it.
        """
        message, place = attempt.message, attempt.place
        if not place.channel:
            raise SlackRefused(
                f"{spec.model}: model.yaml names no channel any more", code="channel_not_found"
            )
        if message.topic == Topic.CHART:
            return self._send_chart(attempt, spec)
        told = told_of(
            message,
            spec,
            ledger=self.ledger,
            head=place.head,
            shown_at=message.delivered_at or self.clock(),
            runbooks_url=self.runbooks_url,
        )
        content = _content(told)
        self._begin(message)
        found = posted_before(attempt, slack=self.slack, ledger=self.ledger)
        if found is None:
            self._require_lease(message)
            at = self._post(message, place, content)
        else:
            at = found
            self._with_plainer(lambda shown: self.slack.change(at, shown, uid=message.uid), content)
        self.ledger.sent(
            message,
            now=self.clock(),
            last_event=told.last.id,
            channel_name=place.channel,
            channel=at.channel,
            ts=at.ts,
        )
        return True

    def _post(self, message: Message, place: Place, content: Content) -> Posted:
        """Post a message; into the channel where its thread is gone."""
        thread = place.thread
        where = thread.channel if thread else place.channel

        def post(shown: Content, thread_ts: str | None = thread.ts if thread else None) -> Posted:
            return self.slack.post(where, shown, uid=message.uid, thread_ts=thread_ts)

        try:
            return self._with_plainer(post, content)
        except SlackRefused as error:
            if thread is None or refusal_of(error.code) is not Refusal.THREAD:
                raise
            return self._with_plainer(lambda shown: post(shown, None), content)

    def _with_plainer[T](self, send: Callable[[Content], T], content: Content) -> T:
        """Send a content, and its text alone where Slack does not take the blocks."""
        try:
            return send(content)
        except SlackRefused as error:
            if refusal_of(error.code) is not Refusal.CONTENT:
                raise
            log.warning("%s; sent without blocks", error)
            return send(content.without_blocks())

    def _send_chart(self, attempt: Attempt, spec: ModelSpec) -> bool:
        message, thread = attempt.message, attempt.place.thread
        picture = self._drawn(message, spec) if thread else None
        if picture is None or thread is None:
            self.ledger.give_up(message, error="there is nothing to draw, or no thread for it")
            return False
        name = f"ctr-{message.uid}.png"
        self._begin(message)
        there = attached_before(attempt, thread, name, slack=self.slack)
        if there is None:
            self._require_lease(message)
        file = there or self.slack.attach(
            thread,
            picture,
            name=name,
            title=f"{spec.model}: CTR before the incident",
            alt_text="Click-through rate of each hour's trailing window, and what was expected",
        )
        self.ledger.sent(message, now=self.clock(), channel=thread.channel, ts=file)
        return True

    def _drawn(self, message: Message, spec: ModelSpec) -> bytes | None:
        try:
            return self.chart(spec, message)
        except Exception as error:  # a picture must not keep the words back
            log.warning("no picture of incident %s: %s", message.incident, error)
            return None

    def _begin(self, message: Message) -> None:
        begun = self.ledger.begin_attempt(message, holder=self.name, now=self.clock(), lease=LEASE)
        if not begun:
            raise LeaseLost

    def _require_lease(self, message: Message) -> None:
        """Raise where the look in Slack outlasted the lease: who has it now may have sent it."""
        looked = message.begun_at is not None
        if looked and not self.ledger.keep_outbox(
            message.model, holder=self.name, now=self.clock(), lease=LEASE
        ):
            raise LeaseLost

    def _refused(self, attempt: Attempt, spec: ModelSpec, error: SlackRefused, done: Round) -> bool:
        message, place = attempt.message, attempt.place
        kind = refusal_of(error.code)
        gone = kind is Refusal.THREAD and message.ts is not None
        needless = message.topic == Topic.CHART and kind is not Refusal.TOKEN
        if kind is Refusal.CONTENT or gone or needless:
            log.error("%s: message %s is given up: %s", spec.model, message.id, error)
            self.ledger.give_up(message, error=str(error))
            return True
        done.refused, done.stop = str(error), kind is not Refusal.CHANNEL
        self.ledger.not_sent(
            message, error=str(error), next_at=self.clock() + REFUSED_DELAY, surely=attempt.looked
        )
        self._say_refused(place.channel, spec, error)
        return False

    def _say_refused(self, channel: str, spec: ModelSpec, error: SlackRefused) -> None:
        """Say once a day that Slack refuses; in Slack only where another channel takes it."""
        where = channel or "no channel"
        text = f"{spec.model}: Slack refuses messages for {where}, so they wait: {error}"
        elsewhere = spec.channel_for("error")
        new = self.ledger.post(
            f"{spec.model}/delivery-failed/{channel}/{error.code}/{self.clock():%Y-%m-%d}",
            model=spec.model,
            severity="error",
            text=text,
            alert=Alert.DELIVERY_FAILED,
            facts={"channel": channel, "error": str(error)},
            send=refusal_of(error.code) is Refusal.CHANNEL and elsewhere not in ("", channel),
            now=self.clock(),
        )
        if new:
            log.error(text)


def _content(told: Told) -> Content:
    """Return what a message shows; its text alone where a fault of ours spoils the blocks."""
    try:
        return content_of(told)
    except Exception:
        log.exception("message %s has no blocks", told.message.id)
        return Content(text=escaped(told.last.text, TEXT_LENGTH), blocks=())


def _backoff(attempts: int, retry_after_s: int | None) -> timedelta:
    if retry_after_s is not None:
        return timedelta(seconds=retry_after_s)
    return min(FIRST_DELAY * 2 ** min(attempts, 10), MAX_DELAY)
