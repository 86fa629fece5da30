"""What several writers do to an incident's thread of messages, inside their own transactions."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from evergreen.adapters.ledger_rows import Severity
from evergreen.adapters.ledger_schema import messages
from evergreen.domain.alert import Topic

c = messages.c


def head_of(connection: sa.Connection, incident: int) -> int | None:
    """Return the message that began an incident's thread."""
    found: int | None = connection.scalar(
        sa.select(sa.func.min(c.id)).where(c.incident == incident, c.topic != Topic.CHART)
    )
    return found


def add(
    connection: sa.Connection,
    now: datetime,
    *,
    model: str,
    severity: Severity,
    incident: int | None = None,
    topic: Topic | None = None,
    status: str | None = None,
) -> int:
    """Put a new message into the outbox and return its id."""
    values = {
        "uid": uuid.uuid4().hex,
        "model": model,
        "incident": incident,
        "topic": topic,
        "severity": severity,
        "status": status,
        "state": "waiting",
        "revision": 1,
        "sent_revision": 0,
        "posted_at": now,
        "attempts": 0,
        "next_at": now,
    }
    made = connection.execute(sa.insert(messages).values(**values).returning(c.id))
    return int(made.scalar_one())


def change(connection: sa.Connection, message: int, now: datetime, **values: Any) -> None:
    """Say that a message should read differently; one that was posted is then changed in Slack.

    A message whose content Slack did not take is tried again with the new one.
    """
    connection.execute(
        sa.update(messages)
        .where(c.id == message)
        .values(
            revision=c.revision + 1,
            state="waiting",
            next_at=sa.case((c.state == "waiting", c.next_at), else_=now),
            **values,
        )
    )
