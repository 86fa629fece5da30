"""What people are shown of the ledger's rows: without the large bodies, which nobody reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evergreen.adapters.ledger_rows import ReleaseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrMark:
    """The CTR of the trailing window at one hour, beside what was expected of it."""

    model: str
    hour: datetime
    value: float | None
    expected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrHour:
    """What the CTR sensor said of one hour: its evidence, and the level at which it alarms."""

    hour: datetime
    verdict: str
    evidence: float | None
    level: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCounts:
    """The counts of one hour against one profile.

    `version` is the one that the hour was measured for, where it was measured with this profile.
    """

    hour: datetime
    profile: str
    version: str | None
    impressions: int
    labelled: int
    clicks: int
    fallback: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """A decision with its reasons. `would` is what a replay would have asked for."""

    model: str
    hour: datetime
    action: str
    would: str | None
    reasons: list[str]
    replay: bool
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """A release without its evidence."""

    model: str
    version: int
    fence: int
    kind: ReleaseKind
    run_key: str
    as_of: datetime
    reason: str
    replaced_version: int | None
    released_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A retraining without its manifest.

    `expected` is the champion that the gate compared with; None without one, or before the gate.
    """

    run_key: str
    model: str
    trigger: str
    requested: str | None
    opened_at: datetime
    closed_at: datetime | None
    verdict: str | None
    version: int | None
    expected: int | None
    reasons: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """An incident without its evidence."""

    model: str
    hour: datetime
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
