"""What was measured and decided, hour by hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database
from evergreen.adapters.ledger_rows import Decision, Measurement, StoredProfile, StoredSketch
from evergreen.adapters.ledger_schema import decisions, measurements, profiles, sketches
from evergreen.domain.errors import LedgerUnreachable
from evergreen.domain.windows import Window


class History(Database):
    """Sketches, profiles, measurements and decisions."""

    def put_sketch(
        self, model: str, hour: datetime, *, profile: str, generation: int, sketch: dict[str, Any]
    ) -> None:
        """Keep the counts of an hour against a profile, instead of older ones."""
        self._upsert(
            sketches,
            ("model", "profile", "hour"),
            model=model,
            hour=hour,
            profile=profile,
            generation=generation,
            sketch=sketch,
        )

    def sketches(self, model: str, window: Window, *, profile: str) -> list[StoredSketch]:
        """Return the sketches of the window's hours, oldest first."""
        c = sketches.c
        return self._rows(
            StoredSketch,
            sketches,
            c.model == model,
            c.profile == profile,
            *within(c.hour, window),
            order=(c.hour,),
        )

    def sketched(self, model: str, window: Window, *, profile: str) -> dict[datetime, int]:
        """Return the generation that each of the window's hours was sketched on."""
        c = sketches.c
        query = sa.select(c.hour, c.generation).where(
            c.model == model, c.profile == profile, *within(c.hour, window)
        )
        with self._reading() as connection:
            return {row.hour: row.generation for row in connection.execute(query)}

    def put_profile(self, model: str, version: str, body: dict[str, Any]) -> None:
        """Keep the reference profile of a version, instead of an older one."""
        self._upsert(
            profiles,
            ("model", "version"),
            model=model,
            version=version,
            body=body,
            made_at=datetime.now(tz=UTC),
        )

    def profile(self, model: str, version: str) -> dict[str, Any] | None:
        """Return the profile that was kept for a version; None where there is none."""
        c = profiles.c
        found = self._rows(
            StoredProfile, profiles, c.model == model, c.version == version, order=(c.version,)
        )
        return found[0].body if found else None

    def put_measurement(
        self,
        model: str,
        hour: datetime,
        sensor: str,
        *,
        verdict: str,
        body: dict[str, Any],
        replay: bool,
    ) -> None:
        """Keep what a sensor says of an hour, instead of what it said before."""
        self.put_measurements(model, sensor, {hour: (verdict, body)}, replay=replay)

    def put_measurements(
        self,
        model: str,
        sensor: str,
        said: Mapping[datetime, tuple[str, dict[str, Any]]],
        *,
        replay: bool,
    ) -> None:
        """Keep what a sensor says of many hours in one transaction: verdict and body of each."""
        now = datetime.now(tz=UTC)
        rows = [
            {
                "model": model,
                "hour": hour,
                "sensor": sensor,
                "verdict": verdict,
                "body": body,
                "replay": replay,
                "measured_at": now,
            }
            for hour, (verdict, body) in said.items()
        ]
        if not rows:
            return
        statement = self._insert(measurements)
        new = {name: statement.excluded[name] for name in ("verdict", "body", "replay")}
        statement = statement.on_conflict_do_update(
            index_elements=["model", "hour", "sensor"],
            set_={**new, "measured_at": statement.excluded.measured_at},
        )
        with self._writing() as connection:
            connection.execute(statement, rows)

    def measurements(
        self, model: str, window: Window, sensor: str | None = None
    ) -> list[Measurement]:
        """Return what one sensor, or all, said of the window's hours, oldest first."""
        c = measurements.c
        where = [c.model == model, *within(c.hour, window)]
        if sensor is not None:
            where.append(c.sensor == sensor)
        return self._rows(Measurement, measurements, *where, order=(c.hour, c.sensor))

    def put_decision(
        self, model: str, hour: datetime, *, action: str, body: dict[str, Any], replay: bool
    ) -> Decision:
        """Keep the decision of an hour and return the one in force.

        Live, the first one stays, whatever comes later: others have acted on it. In a replay,
        which nobody acts on, the newest one stays.
        """
        put = self._upsert if replay else self._insert_if_absent
        put(
            decisions,
            ("model", "hour", "replay"),
            model=model,
            hour=hour,
            action=action,
            body=body,
            replay=replay,
            decided_at=datetime.now(tz=UTC),
        )
        kept = self.decision(model, hour, replay=replay)
        if kept is None:
            raise LedgerUnreachable(f"ledger {self.name}: the decision of {hour} was taken away")
        return kept

    def decision(self, model: str, hour: datetime, *, replay: bool = False) -> Decision | None:
        """Return the decision of an hour; None when there is none yet."""
        c = decisions.c
        found = self._rows(
            Decision,
            decisions,
            c.model == model,
            c.hour == hour,
            c.replay == replay,
            order=(c.hour,),
        )
        return found[0] if found else None

    def decisions(
        self, model: str, *, since: datetime | None = None, action: str | None = None
    ) -> list[Decision]:
        """Return live decisions on hours from `since` on, oldest hour first."""
        c = decisions.c
        where = [c.model == model, c.replay.is_(False)]
        if since is not None:
            where.append(c.hour >= since)
        if action is not None:
            where.append(c.action == action)
        return self._rows(Decision, decisions, *where, order=(c.hour,))


def within(hour: sa.Column[datetime], window: Window) -> list[sa.ColumnElement[bool]]:
    """Return the conditions under which an hour lies in a window."""
    return [hour >= window.start, hour < window.end]
