"""Incidents, and the outbox of messages about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database
from evergreen.adapters.ledger_rows import Delivery, Incident, Severity
from evergreen.adapters.ledger_schema import deliveries, incidents
from evergreen.domain.errors import LedgerUnreachable


class Incidents(Database):
    """Incidents and deliveries."""

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

    def close_incident(self, model: str, *, outcome: str) -> None:
        """Close a model's open incident, if there is one."""
        with self._writing() as connection:
            connection.execute(
                sa.update(incidents)
                .where(incidents.c.model == model, incidents.c.closed_at.is_(None))
                .values(closed_at=datetime.now(tz=UTC), outcome=outcome)
            )

    def open_incident_of(self, model: str) -> Incident | None:
        """Return the incident that lasts; None when the model is healthy."""
        c = incidents.c
        found = self._rows(
            Incident, incidents, c.model == model, c.closed_at.is_(None), order=(c.id,)
        )
        return found[0] if found else None

    def incidents(self, model: str) -> list[Incident]:
        """Return a model's incidents, oldest first."""
        return self._rows(Incident, incidents, incidents.c.model == model, order=(incidents.c.id,))

    def post(self, key: str, *, model: str, severity: Severity, text: str) -> bool:
        """Put a message into the outbox; False, and nothing done, when its key is there already."""
        return self._insert_if_absent(
            deliveries,
            ("key",),
            key=key,
            model=model,
            severity=severity,
            text=text,
            posted_at=datetime.now(tz=UTC),
        )

    def deliveries(self, model: str) -> list[Delivery]:
        """Return a model's messages, oldest first."""
        return self._rows(
            Delivery, deliveries, deliveries.c.model == model, order=(deliveries.c.id,)
        )
