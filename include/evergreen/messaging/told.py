"""What a message tells: the events behind it, and how its incident stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evergreen.adapters.ledger import Delivery, Ledger, Message
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.alert import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a message tells.

    Parameters:
        first, last, count: of the events that it tells.
        head: whether it begins a thread or stands alone; a reply is shorter.
        ended: whether its incident has ended.
        shown_at: when Slack gets it.
        runbooks_url: where `docs/runbooks/` is on the web; empty where it is not.
        runbook: the model's own page.
        reasons_told: reasons that an earlier message of the thread has.
    """

    message: Message
    first: Delivery
    last: Delivery
    count: int
    head: bool
    ended: bool
    shown_at: datetime
    runbooks_url: str
    runbook: str
    reasons_told: tuple[str, ...] = ()


def told_of(
    message: Message,
    spec: ModelSpec,
    *,
    ledger: Ledger,
    head: bool,
    shown_at: datetime,
    runbooks_url: str,
) -> Told:
    """Return what a message tells, as the ledger has it now.

    An incident has ended when it is closed, or its outcome was said: that comes just before.
    """
    events, count = ledger.told_by(message.id, first=1, last=1)
    incident = ledger.incident(message.incident) if message.incident else None
    thread = ledger.messages(spec.model, incident=incident.id) if incident else []
    closed = incident is not None and incident.closed_at is not None
    return Told(
        message=message,
        first=events[0],
        last=events[-1],
        count=count,
        head=head,
        ended=closed or any(other.topic == Topic.OUTCOME for other in thread),
        shown_at=shown_at,
        runbooks_url=runbooks_url,
        runbook=spec.runbook,
        reasons_told=_told_before(message, thread, ledger),
    )


def _told_before(message: Message, thread: Sequence[Message], ledger: Ledger) -> tuple[str, ...]:
    """Return the reasons in the verdict's message, for the outcome's: it needs only new ones."""
    if message.topic != Topic.OUTCOME:
        return ()
    verdict = next((m for m in thread if m.topic == Topic.VERDICT and m.id < message.id), None)
    if verdict is None:
        return ()
    events, _ = ledger.told_by(verdict.id, first=0, last=1)
    return tuple((events[-1].facts or {}).get("reasons") or ()) if events else ()
