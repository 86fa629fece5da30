"""The facts of many models, read from the ledger with a bounded number of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evergreen.adapters.ledger import Ledger, Measurement, Undelivered
from evergreen.adapters.ledger_views import (
    CtrMark,
    DecisionView,
    IncidentView,
    ReleaseView,
    RunView,
)

SPARK_LENGTH = timedelta(days=30)
SPARK_STEP_HOURS = 6
"""Of the overview's small pictures: 121 points, more than they have pixels to tell apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the ledger knows of one model.

    Parameters:
        measured: sensor to what it said of the newest judged hour.
    """

    measured: Mapping[str, Measurement]
    marks: Sequence[CtrMark]
    decision: DecisionView | None
    release: ReleaseView | None
    run: RunView | None
    incident: IncidentView | None
    quarantined_hours: int
    undelivered: Undelivered | None

    @property
    def measured_at(self) -> datetime | None:
        """When the newest judged hour was measured, by the wall clock."""
        return max((said.measured_at for said in self.measured.values()), default=None)


def records_of(models: Sequence[str], ledger: Ledger) -> dict[str, Record]:
    """Return what the ledger knows of these models: a dozen statements for up to 200 of them.

    Raises:
        LedgerUnreachable: as the ledger does.
        ValueError: a body is not JSON.
    """
    if not models:
        return {}
    newest = ledger.newest_judged(models)
    measured: dict[str, dict[str, Measurement]] = {}
    for said in ledger.said_at(newest):
        measured.setdefault(said.model, {})[said.sensor] = said
    marks: dict[str, list[CtrMark]] = {}
    for mark in ledger.ctr_marks(newest, length=SPARK_LENGTH, step_hours=SPARK_STEP_HOURS):
        marks.setdefault(mark.model, []).append(mark)
    decisions, releases = ledger.newest_decisions(models), ledger.newest_releases(models)
    runs, incidents = ledger.newest_runs(models), ledger.open_incidents(models)
    put_aside = ledger.quarantined_hours(models)
    waiting = {said.model: said for said in ledger.undelivered()}
    return {
        model: Record(
            measured=measured.get(model, {}),
            marks=marks.get(model, ()),
            decision=decisions.get(model),
            release=releases.get(model),
            run=runs.get(model),
            incident=incidents.get(model),
            quarantined_hours=put_aside.get(model, 0),
            undelivered=waiting.get(model),
        )
        for model in models
    }
