"""The newest facts of many models at once: a few statements, however many models there are.

Each statement asks for up to `MODELS_A_STATEMENT` models and reads only the parts of a body that
are shown: bodies hold every column's numbers, and a hundred models have hundreds of thousands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database
from evergreen.adapters.ledger_rows import Measurement
from evergreen.adapters.ledger_schema import (
    decisions,
    incidents,
    measurements,
    quarantine,
    releases,
    runs,
)
from evergreen.adapters.ledger_views import (
    CtrMark,
    DecisionView,
    IncidentView,
    ReleaseView,
    RunView,
)

MODELS_A_STATEMENT = 200
HOURS_A_STATEMENT = 500
"""Different hours in one statement. Models of one lake share theirs; only models whose clocks
differ by months need a second statement."""


class Overview(Database):
    """What the overview shows. Models that the ledger does not know are absent from answers."""

    def newest_judged(self, models: Sequence[str]) -> dict[str, datetime]:
        """Return the newest hour of each model that the CTR sensor has judged."""
        c = measurements.c
        return self._newest(models, c.hour, c.model, c.sensor == "ctr")

    def said_at(self, hours: Mapping[str, datetime]) -> list[Measurement]:
        """Return what every sensor said of each model's own hour."""
        c = measurements.c
        columns = [c[name] for name in Measurement.__dataclass_fields__]
        found = self._at(hours, sa.select(*columns), c.model, c.hour)
        return [Measurement(**row) for row in found]

    def ctr_marks(
        self, newest: Mapping[str, datetime], *, length: timedelta, step_hours: int
    ) -> list[CtrMark]:
        """Return the CTR of the time before each model's newest hour, at every `step_hours`.

        Parameters:
            newest: model to the hour that its marks end with.
            step_hours: divides 24; marks are at these hours of the day, and at the newest one.
        """
        c, found = measurements.c, []
        query = sa.select(
            c.model,
            c.hour,
            c.body[("ctr", "value")].as_float().label("value"),
            c.body["expected"].as_float().label("expected"),
        ).where(c.sensor == "ctr")
        with self._reading() as connection:
            for models, hours in _by_clock(newest, length, step_hours):
                asked = query.where(c.model.in_(models), c.hour.in_(hours))
                rows = connection.execute(asked.order_by(c.model, c.hour)).mappings()
                found += [CtrMark(**row) for row in rows if row["hour"] <= newest[row["model"]]]
        return found

    def newest_decisions(self, models: Sequence[str]) -> dict[str, DecisionView]:
        """Return the decision of each model's newest decided hour, the live one before a replay."""
        c = decisions.c
        hours = self._newest(models, c.hour, c.model)
        found = self._at(hours, decision_view(), c.model, c.hour)
        views = [decision_of(row) for row in sorted(found, key=lambda row: not row["replay"])]
        return {view.model: view for view in views}

    def newest_releases(self, models: Sequence[str]) -> dict[str, ReleaseView]:
        """Return the release in force of each model."""
        c = releases.c
        fences = self._newest(models, c.fence, c.model)
        found = self._at(fences, release_view(), c.model, c.fence)
        return {row["model"]: ReleaseView(**row) for row in found}

    def newest_runs(self, models: Sequence[str]) -> dict[str, RunView]:
        """Return the newest retraining of each model."""
        c = runs.c
        opened = self._newest(models, c.opened_at, c.model)
        found = self._at(opened, run_view(), c.model, c.opened_at)
        return {row["model"]: run_of(row) for row in found}

    def open_incidents(self, models: Sequence[str]) -> dict[str, IncidentView]:
        """Return the incident of each model that has one now."""
        c = incidents.c
        query = incident_view().where(c.closed_at.is_(None))
        return {row["model"]: IncidentView(**row) for row in self._of(models, query, c.model)}

    def quarantined_hours(self, models: Sequence[str]) -> dict[str, int]:
        """Return how many hours of each model are in quarantine now, in any table."""
        c = quarantine.c
        query = (
            sa.select(c.model, sa.func.count(sa.distinct(c.hour)).label("hours"))
            .where(c.released_at.is_(None))
            .group_by(c.model)
        )
        return {row["model"]: row["hours"] for row in self._of(models, query, c.model)}

    def _newest(
        self,
        models: Sequence[str],
        value: sa.Column[Any],
        model: sa.Column[str],
        *where: sa.ColumnElement[bool],
    ) -> dict[str, Any]:
        """Return the largest value of each model: one look at the end of an index for each."""
        found: dict[str, Any] = {}
        with self._reading() as connection:
            for part in batched(models, MODELS_A_STATEMENT):
                asked = [
                    sa.select(value)
                    .where(model == name, *where)
                    .order_by(value.desc())
                    .limit(1)
                    .scalar_subquery()
                    .label(f"m{index}")
                    for index, name in enumerate(part)
                ]
                row = connection.execute(sa.select(*asked)).one()
                found |= {
                    name: newest
                    for name, newest in zip(part, row, strict=True)
                    if newest is not None
                }
        return found

    def _at(
        self,
        wanted: Mapping[str, Any],
        query: sa.Select[Any],
        model: sa.Column[str],
        value: sa.Column[Any],
    ) -> list[dict[str, Any]]:
        """Return the rows of each model that have the model's own value."""
        found: list[dict[str, Any]] = []
        with self._reading() as connection:
            for part in batched(wanted, MODELS_A_STATEMENT):
                values = {wanted[name] for name in part}
                asked = query.add_columns(value.label("_value")).where(
                    model.in_(part), value.in_(values)
                )
                for row in connection.execute(asked).mappings():
                    body = dict(row)
                    if body.pop("_value") == wanted[body["model"]]:
                        found.append(body)
        return found

    def _of(
        self, models: Sequence[str], query: sa.Select[Any], model: sa.Column[str]
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        with self._reading() as connection:
            for part in batched(models, MODELS_A_STATEMENT):
                rows = connection.execute(query.where(model.in_(part))).mappings()
                found += [dict(row) for row in rows]
        return found


def decision_view() -> sa.Select[Any]:
    """Return what selects a `DecisionView`; `evidence`, the large part, stays where it is."""
    c = decisions.c
    return sa.select(
        c.model,
        c.hour,
        c.action,
        c.body["would"].as_string().label("would"),
        c.body["reasons"].label("reasons"),
        c.replay,
        c.decided_at,
    )


def decision_of(row: Mapping[str, Any] | sa.RowMapping) -> DecisionView:
    """Return the view; a body without reasons has none."""
    return DecisionView(**{**row, "reasons": row["reasons"] or []})


def run_of(row: Mapping[str, Any] | sa.RowMapping) -> RunView:
    """Return the view; a run that the gate has not judged has no reasons."""
    return RunView(**{**row, "reasons": row["reasons"] or []})


def release_view() -> sa.Select[Any]:
    """Return what selects a `ReleaseView`."""
    return sa.select(*(releases.c[name] for name in ReleaseView.__dataclass_fields__))


def run_view() -> sa.Select[Any]:
    """Return what selects a `RunView`."""
    c = runs.c
    return sa.select(
        *(c[name] for name in ("run_key", "model", "trigger")),
        c.manifest["reason"].as_string().label("requested"),
        *(c[name] for name in ("opened_at", "closed_at", "verdict", "version")),
        c.body["expected"].as_integer().label("expected"),
        c.body["reasons"].label("reasons"),
    )


def incident_view() -> sa.Select[Any]:
    """Return what selects an `IncidentView`."""
    return sa.select(*(incidents.c[name] for name in IncidentView.__dataclass_fields__))


def _by_clock(
    newest: Mapping[str, datetime], length: timedelta, step_hours: int
) -> Iterator[tuple[list[str], list[datetime]]]:
    """Yield models and the hours that their marks are at, a statement each."""
    models: list[str] = []
    hours: set[datetime] = set()
    for model in sorted(newest, key=lambda name: (newest[name], name)):
        own = _marks(newest[model], length, step_hours)
        if models and (len(models) == MODELS_A_STATEMENT or len(hours | own) > HOURS_A_STATEMENT):
            yield models, sorted(hours)
            models, hours = [], set()
        models.append(model)
        hours |= own
    if models:
        yield models, sorted(hours)


def _marks(newest: datetime, length: timedelta, step_hours: int) -> set[datetime]:
    last = newest - timedelta(hours=newest.hour % step_hours)
    count = length // timedelta(hours=step_hours)
    return {newest, *(last - timedelta(hours=step_hours * back) for back in range(count))}
