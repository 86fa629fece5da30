"""What a message tells: the events behind it, and how its incident stands."""

from __future__ import annotations

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
        reasons_told: whether an earlier message of the thread has the reasons.
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
    reasons_told: bool = False


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
    before = {other.topic for other in thread if other.id < message.id}
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
        reasons_told=message.topic == Topic.OUTCOME and Topic.VERDICT in before,
    )
