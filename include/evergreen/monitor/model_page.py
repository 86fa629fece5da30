"""Everything that a model's page shows, from a bounded number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.ledger_views import HourCounts, IncidentView, ReleaseView, RunView
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.errors import ProfileInvalid
from evergreen.domain.probation import LATEST_START
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import HOUR, Window, floor_hour
from evergreen.monitor.ctr_timeline import (
    TRAILING_HOURS,
    CtrTimeline,
    ctr_timeline,
    first_served,
    of_hours,
    timeline_window,
)
from evergreen.monitor.decision_spans import DecisionSpan, decision_spans
from evergreen.monitor.drift_map import DriftMap, drift_map, hours_to_read


class Days(IntEnum):
    """How much of the past is shown."""

    TWO = 2
    WEEK = 7
    MONTH = 30
    QUARTER = 90


MAX_RELEASES, MAX_RUNS, MAX_INCIDENTS, MAX_SPANS = 30, 30, 20, 40
MAX_PROFILES = 8
"""Reference profiles that are read for one picture, those with most hours first."""
STEP_HOURS = {2: 1, 7: 1, 30: 1, 90: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A release where the picture shows it: its version's first hour, on the lake's clock."""

    version: int
    kind: str
    at: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """What the page shows; `end` is where its time ends, on the lake's clock."""

    days: int
    end: datetime
    timeline: CtrTimeline
    deployed: list[Deployed]
    quarantined: list[datetime]
    drift: DriftMap
    decisions: list[DecisionSpan]
    releases: list[ReleaseView]
    runs: list[RunView]
    incidents: list[IncidentView]


def model_page(spec: ModelSpec, days: int, *, ledger: Ledger, now: datetime) -> ModelPage:
    """Return what the page shows of the last days.

    Parameters:
        now: where time ends for a model that was never measured.

    Raises:
        LedgerUnreachable: as the ledger does.
        KeyError, TypeError, ValueError: a body is not what a sensor writes.
    """
    model = spec.model
    newest = ledger.newest_measured(model)
    window = timeline_window(newest + HOUR if newest else floor_hour(now), days)
    longer = Window(window.start - TRAILING_HOURS * HOUR, window.end)
    counts = of_hours(ledger.hour_counts(model, longer))
    put_aside = ledger.quarantined_in(model, longer)
    releases = ledger.release_log(model, limit=MAX_RELEASES)
    decided = ledger.decision_log(model, window, limit=days * 24 * 2)
    return ModelPage(
        days=days,
        end=window.end,
        timeline=ctr_timeline(
            window,
            counts,
            ledger.ctr_hours(model, window),
            _baselines(model, counts, ledger),
            left_out=put_aside,
            step_hours=STEP_HOURS[days],
        ),
        deployed=_deployed(releases, first_served(counts), longer),
        quarantined=[hour for hour in put_aside if hour in window],
        drift=drift_map(window, ledger.said_of_hours(model, "drift", hours_to_read(window))),
        decisions=decision_spans(decided, limit=MAX_SPANS),
        releases=releases,
        runs=ledger.run_log(model, limit=MAX_RUNS),
        incidents=ledger.incident_log(model, limit=MAX_INCIDENTS),
    )


def _baselines(model: str, counts: Sequence[HourCounts], ledger: Ledger) -> dict[str, CtrBaseline]:
    """Return the CTR baseline of each profile that hours were counted with, by its digest.

    A profile that has been replaced since has no baseline any more; its hours show only their CTR.
    """
    hours: dict[tuple[str, str], int] = {}
    for row in counts:
        if row.version is not None:
            hours[row.profile, row.version] = hours.get((row.profile, row.version), 0) + 1
    most = sorted(hours, key=lambda key: -hours[key])[:MAX_PROFILES]
    found = {}
    for digest, version in most:
        profile = _profile(model, version, ledger)
        if profile is not None and profile.ctr is not None and profile.digest == digest:
            found[digest] = profile.ctr
    return found


def _profile(model: str, version: str, ledger: Ledger) -> ReferenceProfile | None:
    body = ledger.profile(model, version) or ledger.released_profile(model, version)
    if body is None:
        return None
    try:
        return ReferenceProfile.from_json(body, model_version=version)
    except ProfileInvalid:
        return None


def _deployed(
    releases: Sequence[ReleaseView], served: dict[str, datetime], window: Window
) -> list[Deployed]:
    """Return the releases that lie in the window, oldest first.

    A version's first hour is the first one that it was counted in soon after its training window;
    one that came back has served before, so its return is shown where it was released.
    """
    found = []
    first = {release.version: release.fence for release in reversed(releases)}
    for release in reversed(releases):
        at = served.get(str(release.version))
        new = first[release.version] == release.fence and release.kind == "promotion"
        exact = new and at is not None and at - release.as_of <= LATEST_START
        moment = at if at is not None and exact else release.as_of
        if not new:
            moment = release.released_at
        if window.start < moment <= window.end:
            found.append(
                Deployed(
                    version=release.version,
                    kind=release.kind,
                    at=int(moment.timestamp()),
                    exact=exact,
                )
            )
    return found
