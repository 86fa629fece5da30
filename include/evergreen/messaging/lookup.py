"""Looks in Slack for what an attempt may have left there whose end was never written down.

Slack knows no "post this once". So each message carries an id of ours in its metadata, and before
it is posted again the channel or the thread is searched for it, from the first attempt on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from evergreen.adapters.ledger import Ledger, Message
from evergreen.adapters.slack import Posted, Slack
from evergreen.domain.errors import SlackRefused
from evergreen.domain.refusal import Refusal, refusal_of
from evergreen.messaging.routing import Place

log = logging.getLogger(__name__)

CLOCK_SKEW = timedelta(minutes=10)  # between this machine and Slack
NO_RIGHT = {"missing_scope", "not_in_channel", "channel_not_found", "no_permission"}
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{8,}")


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One try to send a message.

    Parameters:
        looked: whether it is known that no earlier attempt got through.
    """

    message: Message
    place: Place
    looked: bool


def posted_before(attempt: Attempt, *, slack: Slack, ledger: Ledger) -> Posted | None:
    """Return where a message is in Slack, as we know it or as an unfinished attempt left it.

    Raises:
        SlackUnreachable, SlackRefused: Slack cannot be looked at now.
    """
    message, thread = attempt.message, attempt.place.thread
    if message.ts is not None and message.channel is not None:
        return Posted(channel=message.channel, ts=message.ts)
    if message.begun_at is None:
        return None
    since = message.begun_at - CLOCK_SKEW

    def look() -> Posted | None:
        name = attempt.place.channel
        channel = thread.channel if thread else _channel_id(name, slack=slack, ledger=ledger)
        if channel is None:
            return None
        if thread is not None:
            try:
                return slack.find(channel, message.uid, since=since, thread_ts=thread.ts)
            except SlackRefused as error:
                if refusal_of(error.code) is not Refusal.THREAD:
                    raise  # of a thread that is gone the replies come outside
        return slack.find(channel, message.uid, since=since)

    return _looked(attempt, look)


def attached_before(attempt: Attempt, thread: Posted, name: str, *, slack: Slack) -> str | None:
    """Return the id of a picture that an unfinished attempt left in a thread.

    Raises:
        SlackUnreachable, SlackRefused: Slack cannot be looked at now.
    """
    begun_at = attempt.message.begun_at
    if begun_at is None:
        return None
    since = begun_at - CLOCK_SKEW
    return _looked(attempt, lambda: slack.find_file(thread, name, since=since))


def _looked[T](attempt: Attempt, look: Callable[[], T | None]) -> T | None:
    """Look what is in Slack; without the right to, a message twice is better than none."""
    try:
        found = look()
    except SlackRefused as error:
        if error.code not in NO_RIGHT:
            raise
        log.warning("%s; a message whose answer was lost may come twice", error)
        found = None
    attempt.looked = True
    return found


def _channel_id(name: str, *, slack: Slack, ledger: Ledger) -> str | None:
    if _CHANNEL_ID.fullmatch(name):
        return name
    return ledger.channel_id(name) or slack.channel_id(name)
