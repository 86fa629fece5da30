"""How one column was distributed at an hour, beside what was expected of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import WindowEmpty
from evergreen.domain.trigger import DAY
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.records import measured_hour, sketches_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the sensor said of the column over 24 hours or over the hour alone."""

    view: str
    verdict: str
    kind: str | None
    psi: float | None
    min_psi: float | None
    p_value: float | None
    rows: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Shares by bin; lists of one length.

    Parameters:
        version: whose reference it is.
        labels: of the bins, for people; the last one is what is missing.
        reference, day, single: share of rows in each bin, 0 to 1: of the champion's reference, of
            the 24 hours that end with the hour, of the hour. Empty where there are no rows.
        reference_rows, day_rows, single_rows: how many rows the shares are of.
    """

    column: str
    hour: datetime
    version: str
    importance: float
    labels: list[str]
    reference: list[float]
    day: list[float]
    single: list[float]
    reference_rows: int
    day_rows: int
    single_rows: int
    looks: list[Look]


def distribution(
    spec: ModelSpec, column: str, hour: datetime, *, ledger: Ledger
) -> Distribution | None:
    """Return a column's distribution; None where the hour's profile has no such column.

    Raises:
        WindowEmpty: the hour has not been measured.
        ProfileInvalid: the version has got another profile since.
    """
    measured = measured_hour(spec, hour, ledger)
    expected = measured.profile.columns.get(column)
    if expected is None:
        return None
    counted = sketches_of(spec, Window.last(DAY, until=hour + HOUR), measured, ledger).sketches
    nothing = np.zeros(expected.bins.size)
    of_hours = [np.asarray(s.bins[column]) for s in counted.values() if column in s.bins]
    day = np.sum(of_hours, axis=0) if of_hours else nothing
    own = counted.get(hour)
    single = np.asarray(own.bins[column]) if own and column in own.bins else nothing
    reference = np.asarray(expected.counts)
    return Distribution(
        column=column,
        hour=hour,
        version=measured.profile.model_version,
        importance=expected.importance,
        labels=list(expected.bins.labels),
        reference=_shares(reference),
        day=_shares(day),
        single=_shares(single),
        reference_rows=int(reference.sum()),
        day_rows=int(day.sum()),
        single_rows=int(single.sum()),
        looks=_looks(spec.model, column, hour, ledger),
    )


def newest_drift_hour(model: str, ledger: Ledger) -> datetime:
    """Return the newest hour whose columns can be looked at.

    Raises:
        WindowEmpty: nothing was ever measured.
    """
    hour = ledger.newest_judged([model]).get(model)
    if hour is None:
        raise WindowEmpty(f"no hour of {model} has been judged yet; switch its monitor DAG on")
    return hour


def _shares(counts: np.ndarray) -> list[float]:
    total = float(counts.sum())
    return [round(float(count) / total, 6) for count in counts] if total else []


def _looks(model: str, column: str, hour: datetime, ledger: Ledger) -> list[Look]:
    found = ledger.said_of_hours(model, "drift", [hour])
    said: list[dict[str, Any]] = found[0].body.get("columns", []) if found else []
    return [
        Look(
            view=str(one["view"]),
            verdict=str(one["verdict"]),
            kind=one.get("kind"),
            psi=one.get("psi"),
            min_psi=one.get("min_psi"),
            p_value=one.get("p_value"),
            rows=int(one["rows"]),
            reason=str(one["reason"]),
        )
        for one in said
        if one.get("column") == column
    ]
