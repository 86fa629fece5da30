"""Where a message goes, and whether it has to wait for the end of quiet hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evergreen.adapters.ledger import Message
from evergreen.adapters.slack import Posted
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.quiet_hours import quiet_until

_RANK = {"info": 0, "warning": 1, "error": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message goes.

    Parameters:
        channel: as model.yaml names it; empty where it names none any more.
        thread: what it answers to; None for one that stands by itself.
        head: whether it is no reply, in a thread or not.
    """

    channel: str
    thread: Posted | None
    head: bool


def place_of(message: Message, head: Message | None, spec: ModelSpec) -> Place:
    """Return where a message goes: into its incident's thread, unless it must reach others.

    One that is worse than what began the thread goes to the channel of its severity, where that is
    another one. One whose thread could not be begun stands alone.

    Args:
        head: what began its incident's thread; None without an incident.
    """
    own = spec.channel_for(message.severity)
    if head is None or head.id == message.id:
        return Place(channel=message.channel_name or own, thread=None, head=True)
    theirs = head.channel_name or spec.channel_for(head.severity)
    escalates = _RANK[message.severity] > _RANK[head.severity] and own != theirs
    if escalates or head.state == "failed":
        return Place(channel=message.channel_name or own, thread=None, head=True)
    thread = Posted(channel=head.channel, ts=head.ts) if head.channel and head.ts else None
    return Place(channel=theirs, thread=thread, head=False)


def held_back(waiting: Sequence[Message], spec: ModelSpec, now: datetime) -> set[int]:
    """Return the ids of the messages that wait for the end of quiet hours.

    A message that may not wait takes along those of its thread before it. To change a message that
    is in Slack already makes no sound, so that never waits.
    """
    quiet = spec.alerts.quiet_hours
    hours = quiet.hours()
    if hours is None or quiet_until(now, hours) is None:
        return set()
    silent = [m for m in waiting if m.ts is None]
    loud = {m.incident: m.id for m in silent if m.severity in quiet.exempt and m.incident}
    return {
        m.id for m in silent if m.severity not in quiet.exempt and m.id > loud.get(m.incident, 0)
    }
