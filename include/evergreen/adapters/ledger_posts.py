"""What was said: each thing once for its key, and the message in Slack that tells it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database
from evergreen.adapters.ledger_rows import Delivery, Severity
from evergreen.adapters.ledger_schema import deliveries, incidents, messages
from evergreen.adapters.ledger_threads import add, change, head_of
from evergreen.domain.alert import Topic

_RANK: dict[Severity, int] = {"info": 0, "warning": 1, "error": 2}


KEY_LENGTH = 255  # of the column; PostgreSQL refuses what is longer


class Posts(Database):
    """Writes what is said into the ledger, and says how Slack should look afterwards."""

    def post(
        self,
        key: str,
        *,
        model: str,
        severity: Severity,
        text: str,
        alert: str | None = None,
        facts: Mapping[str, Any] | None = None,
        topic: Topic | None = None,
        status: str | None = None,
        chart: bool = False,
        send: bool = False,
        now: datetime | None = None,
    ) -> bool:
        """Say something; False, and nothing done, when its key was said before.

        Args:
            topic: where it goes in the thread of the model's open incident; without a topic or an
                incident it stands alone.
            status: how the incident stands from now on.
            chart: whether a thread that this begins gets a picture.
            send: whether Slack is to have it. Without, it is kept here only, for ever: a token
                that comes later brings no flood of old messages.
        """
        key, said_at = _bounded(key), now or datetime.now(tz=UTC)
        with self._writing() as connection:
            incident = self._open_incident(connection, model) if topic else None
            values = {
                "key": key,
                "model": model,
                "severity": severity,
                "text": text,
                "posted_at": said_at,
                "alert": alert,
                "facts": dict(facts) if facts is not None else None,
                "incident": incident,
            }
            new = connection.execute(
                self._insert(deliveries)
                .values(**values)
                .on_conflict_do_nothing(index_elements=["key"])
                .returning(deliveries.c.id)
            ).scalar()
            if new is None:
                return False
            if not send:
                return True
            if incident is None or topic is None:
                message = add(connection, said_at, model=model, severity=severity)
            else:
                message = _in_thread(
                    connection, said_at, model, incident, topic, severity, status, chart
                )
            connection.execute(
                sa.update(deliveries).where(deliveries.c.id == new).values(message=message)
            )
        return True

    def was_said(self, key: str) -> bool:
        """Say whether something was said under this key."""
        with self._reading() as connection:
            found = connection.scalar(
                sa.select(deliveries.c.id).where(deliveries.c.key == _bounded(key))
            )
        return found is not None

    def deliveries(self, model: str, *, incident: int | None = None) -> list[Delivery]:
        """Return what was said about a model, or about one of its incidents, oldest first."""
        c = deliveries.c
        where = [c.model == model, *([] if incident is None else [c.incident == incident])]
        return self._rows(Delivery, deliveries, *where, order=(c.id,))

    def newest_deliveries(self, model: str | None = None, *, last: int) -> list[Delivery]:
        """Return the newest things that were said, about a model or about all, oldest first."""
        where = [] if model is None else [deliveries.c.model == model]
        return self._newest_rows(Delivery, deliveries, *where, last=last)

    def told_by(self, message: int, *, first: int, last: int) -> tuple[list[Delivery], int]:
        """Return the first and the last so many events that a message tells, and their count."""
        c = deliveries.c
        with self._reading() as connection:
            ids = [
                row[0]
                for row in connection.execute(
                    sa.select(c.id).where(c.message == message).order_by(c.id)
                )
            ]
        wanted = sorted({*ids[:first], *(ids[-last:] if last else ())})
        return self._rows(Delivery, deliveries, c.id.in_(wanted), order=(c.id,)), len(ids)

    def _open_incident(self, connection: sa.Connection, model: str) -> int | None:
        """Return the open incident and hold its row: no two begin its thread at once."""
        c = incidents.c
        found: int | None = connection.scalar(
            sa.select(c.id).where(c.model == model, c.closed_at.is_(None)).with_for_update()
        )
        return found


def _in_thread(
    connection: sa.Connection,
    now: datetime,
    model: str,
    incident: int,
    topic: Topic,
    severity: Severity,
    status: str | None,
    chart: bool,
) -> int:
    """Add a message to an incident's thread, or change the one of its topic; return its id."""
    c, head = messages.c, head_of(connection, incident)
    there = connection.execute(
        sa.select(c.id, c.severity).where(c.incident == incident, c.topic == topic)
    ).first()
    if there is None:
        began = {"status": status} if head is None else {}
        message = add(
            connection,
            now,
            model=model,
            severity=severity,
            incident=incident,
            topic=topic,
            **began,
        )
        if head is None and chart:
            add(
                connection,
                now,
                model=model,
                severity=severity,
                incident=incident,
                topic=Topic.CHART,
            )
    else:
        message = int(there.id)
        worst = max(severity, there.severity, key=lambda each: _RANK[each])
        change(connection, message, now, severity=worst)
    if head is not None and status is not None:
        change(connection, head, now, status=status)
    return message


def _bounded(key: str) -> str:
    """Return a key that the column takes: a long one by its beginning and its digest."""
    if len(key) <= KEY_LENGTH:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: KEY_LENGTH - len(digest) - 1]}/{digest}"
