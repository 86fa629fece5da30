"""Incidents: the periods in which a model is unhealthy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database
from evergreen.adapters.ledger_rows import Incident
from evergreen.adapters.ledger_schema import incidents, messages
from evergreen.adapters.ledger_threads import change, head_of
from evergreen.domain.alert import Topic
from evergreen.domain.errors import LedgerUnreachable


class Incidents(Database):
    """Incidents; what is said about them is in `ledger_posts`."""

    def open_incident(self, model: str, hour: datetime, *, evidence: dict[str, Any]) -> int:
        """Open a model's incident and return its id; one that is open already is returned."""
        statement = self._insert(incidents).values(
            model=model, hour=hour, evidence=evidence, opened_at=datetime.now(tz=UTC)
        )
        with self._writing() as connection:
            connection.execute(statement.on_conflict_do_nothing())
        incident = self.open_incident_of(model)
        if incident is None:
            raise LedgerUnreachable(
                f"ledger {self.name}: the incident of {model} was closed while it was opened; "
                "run again"
            )
        return incident.id

    def close_incident(self, model: str, *, outcome: str, now: datetime | None = None) -> None:
        """Close a model's open incident, if there is one; its thread in Slack says so."""
        c, now = incidents.c, now or datetime.now(tz=UTC)
        with self._writing() as connection:
            closed = connection.execute(
                sa.update(incidents)
                .where(c.model == model, c.closed_at.is_(None))
                .values(closed_at=now, outcome=outcome)
                .returning(c.id)
            ).scalar()
            if closed is None:
                return
            told = set(
                connection.scalars(sa.select(messages.c.topic).where(messages.c.incident == closed))
            )
            head = head_of(connection, closed)
            if head is not None and Topic.OUTCOME not in told:  # that has changed the head already
                ended = {} if Topic.SETBACK in told else {"status": f"ended: {outcome}"}
                change(connection, head, now, **ended)

    def open_incident_of(self, model: str) -> Incident | None:
        """Return the incident that lasts; None when the model is healthy."""
        c = incidents.c
        found = self._rows(
            Incident, incidents, c.model == model, c.closed_at.is_(None), order=(c.id,)
        )
        return found[0] if found else None

    def incidents(self, model: str | None = None, *, last: int | None = None) -> list[Incident]:
        """Return incidents, of a model or of all models, oldest first.

        Args:
            last: only so many, the newest.
        """
        where = [] if model is None else [incidents.c.model == model]
        return self._newest_rows(Incident, incidents, *where, last=last)

    def incident(self, incident_id: int) -> Incident | None:
        """Return one incident."""
        found = self._rows(
            Incident, incidents, incidents.c.id == incident_id, order=(incidents.c.id,)
        )
        return found[0] if found else None
