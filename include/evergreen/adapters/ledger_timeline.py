"""One model's past as its page shows it: every answer has a bound on its rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import batched
from typing import Any

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database
from evergreen.adapters.ledger_history import within
from evergreen.adapters.ledger_overview import (
    decision_of,
    decision_view,
    incident_view,
    release_view,
    run_of,
    run_view,
)
from evergreen.adapters.ledger_rows import Measurement
from evergreen.adapters.ledger_schema import (
    decisions,
    incidents,
    measurements,
    quarantine,
    releases,
    runs,
    sketches,
)
from evergreen.adapters.ledger_views import (
    CtrHour,
    DecisionView,
    HourCounts,
    IncidentView,
    ReleaseView,
    RunView,
)
from evergreen.domain.windows import Window

HOURS_A_STATEMENT = 1_000
COUNTS_SHOWN = 20_000
"""Sketches of one window, at most: 90 days under nine profiles."""


class Timeline(Database):
    """What a model's page shows."""

    def newest_measured(self, model: str) -> datetime | None:
        """Return the newest hour that has been counted or judged; None before the first."""
        c = measurements.c
        sensors = c.sensor.in_(("ctr", "hour_counts"))
        query = sa.select(c.hour).where(c.model == model, sensors)
        with self._reading() as connection:
            return connection.scalar(query.order_by(c.hour.desc()).limit(1))

    def ctr_hours(self, model: str, window: Window) -> list[CtrHour]:
        """Return what the CTR sensor said of the window's hours, oldest first."""
        c = measurements.c
        query = sa.select(
            c.hour,
            c.verdict,
            c.body["evidence"].as_float().label("evidence"),
            c.body["level"].as_float().label("level"),
        ).where(c.model == model, c.sensor == "ctr", *within(c.hour, window))
        return [CtrHour(**row) for row in self._mappings(query.order_by(c.hour))]

    def hour_counts(self, model: str, window: Window) -> list[HourCounts]:
        """Return the counts of the window's hours under every profile, oldest first."""
        s, m = sketches.c, measurements.c
        profile = m.body["profile"].as_string()
        measured = sa.and_(
            m.model == s.model,
            m.hour == s.hour,
            m.sensor == "hour_counts",
            profile == s.profile,
        )
        numbers = [
            s.sketch[name].as_integer().label(name)
            for name in ("impressions", "labelled", "clicks", "fallback")
        ]
        version = m.body["model_version"].as_string().label("version")
        query = (
            sa.select(s.hour, s.profile, version, *numbers)
            .select_from(sketches.outerjoin(measurements, measured))
            .where(s.model == model, *within(s.hour, window))
            .order_by(s.hour.desc())
            .limit(COUNTS_SHOWN)
        )
        return [HourCounts(**row) for row in reversed(self._mappings(query))]

    def said_of_hours(
        self, model: str, sensor: str, hours: Sequence[datetime]
    ) -> list[Measurement]:
        """Return what one sensor said of these hours, oldest first."""
        c, found = measurements.c, []
        columns = [c[name] for name in Measurement.__dataclass_fields__]
        for part in batched(sorted(hours), HOURS_A_STATEMENT):
            query = sa.select(*columns).where(
                c.model == model, c.sensor == sensor, c.hour.in_(part)
            )
            found += [Measurement(**row) for row in self._mappings(query.order_by(c.hour))]
        return found

    def quarantined_in(self, model: str, window: Window) -> list[datetime]:
        """Return the window's hours that are in quarantine now, in any table."""
        c = quarantine.c
        query = (
            sa.select(c.hour)
            .distinct()
            .where(c.model == model, c.released_at.is_(None), *within(c.hour, window))
        )
        return [row["hour"] for row in self._mappings(query.order_by(c.hour))]

    def decision_log(self, model: str, window: Window, *, limit: int) -> list[DecisionView]:
        """Return the newest decisions on the window's hours, newest first, replays too."""
        c = decisions.c
        query = decision_view().where(c.model == model, *within(c.hour, window))
        query = query.order_by(c.hour.desc(), c.replay).limit(limit)
        return [decision_of(row) for row in self._mappings(query)]

    def release_log(self, model: str, *, limit: int) -> list[ReleaseView]:
        """Return the newest releases, newest first."""
        c = releases.c
        query = release_view().where(c.model == model).order_by(c.fence.desc()).limit(limit)
        return [ReleaseView(**row) for row in self._mappings(query)]

    def run_log(self, model: str, *, limit: int) -> list[RunView]:
        """Return the newest retrainings, newest first."""
        c = runs.c
        query = run_view().where(c.model == model).order_by(c.opened_at.desc()).limit(limit)
        return [run_of(row) for row in self._mappings(query)]

    def incident_log(self, model: str, *, limit: int) -> list[IncidentView]:
        """Return the newest incidents, newest first."""
        c = incidents.c
        query = incident_view().where(c.model == model).order_by(c.id.desc()).limit(limit)
        return [IncidentView(**row) for row in self._mappings(query)]

    def released_profile(self, model: str, version: str) -> dict[str, Any] | None:
        """Return the profile that a version was released with; a rollback brings none."""
        c = releases.c
        if not version.isdecimal() or len(version) > 9:
            return None
        profile = c.evidence["profile"]
        query = sa.select(profile.label("profile")).where(
            c.model == model, c.version == int(version), profile["schema"].as_integer() > 0
        )
        found = self._mappings(query.order_by(c.fence.desc()).limit(1))
        return found[0]["profile"] if found else None

    def _mappings(self, query: sa.Select[Any]) -> list[sa.RowMapping]:
        with self._reading() as connection:
            return list(connection.execute(query).mappings())
