"""How every model is: the facts that `evergreen status` and the panel show, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evergreen.adapters.ledger import Undelivered
from evergreen.domain.health import SEVERITY, State


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrNow:
    """The CTR of the trailing window beside what was expected of the same hours.

    Parameters:
        value, lower, upper: of the window; None without a mature impression.
        expected: None without a baseline.
        bound: the plain rule alarms when `upper` lies below it.
        evidence, level: of the detector, in logarithms; None without a baseline.
    """

    verdict: str
    reason: str
    value: float | None
    lower: float | None
    upper: float | None
    clicks: int
    impressions: int
    expected: float | None
    bound: float | None
    evidence: float | None
    level: float | None
    since: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedColumn:
    """A column that has drifted: over 24 hours (`24h`) or in the newest hour alone (`1h`)."""

    column: str
    view: str
    kind: str
    psi: float | None
    importance: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftNow:
    """What the drift sensor says of the newest hour."""

    verdict: str
    reason: str
    columns: list[DriftedColumn]
    fallback_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The version in force. `age_days` counts from the end of its training window."""

    version: int
    kind: str
    as_of: datetime
    released_at: datetime
    age_days: float
    reason: str
    replaced_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The champion's probation. Before its first impression nothing is known of its end."""

    until: str | None
    verdict: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDecision:
    """The newest decision. `would` is what a replay would have asked for."""

    hour: datetime
    action: str
    would: str
    reasons: list[str]
    replay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """The incident that lasts: the hour that it is about, and when it was opened."""

    hour: datetime
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The newest retraining; `verdict` is None until the gate has spoken."""

    run_key: str
    trigger: str
    opened_at: datetime
    closed_at: datetime | None
    verdict: str | None
    version: int | None
    reasons: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """The CTR of the last 30 days against what was expected, oldest first.

    Parameters:
        at: seconds since 1970.
    """

    at: list[int] = field(default_factory=list)
    ctr: list[float | None] = field(default_factory=list)
    expected: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """How one model is, and why.

    Parameters:
        headline: the state in one sentence, for people.
        silent_hours: since the newest measurement; None when nothing was ever measured.
        measured_hour: the newest judged hour, on the lake's clock.
        quarantined_hours: that are in quarantine now, in any table.
        trained_here: whether Evergreen retrains it (`train.enabled`).
        error: why the rest is empty; None when it could be read.
    """

    model: str
    state: State
    headline: str
    description: str = ""
    owner: str = ""
    trained_here: bool = True
    silent_hours: float | None = None
    measured_hour: datetime | None = None
    ctr: CtrNow | None = None
    drift: DriftNow | None = None
    champion: Champion | None = None
    probation: Trial | None = None
    decision: LastDecision | None = None
    quarantined_hours: int = 0
    incident: OpenIncident | None = None
    undelivered: Undelivered | None = None
    run: LastRun | None = None
    spark: Spark = field(default_factory=Spark)
    error: str | None = None


def broken(model: str, error: Exception, *, owner: str = "") -> ModelStatus:
    """Return the status of a model whose spec or records cannot be read."""
    text = f"{type(error).__name__}: {error}"[:1_000]
    return ModelStatus(
        model=model, state=State.ERROR, headline="Cannot be read", owner=owner, error=text
    )


def worst_first(statuses: Sequence[ModelStatus]) -> list[ModelStatus]:
    """Return them by severity, then by name."""
    return sorted(statuses, key=lambda said: (SEVERITY.index(said.state), said.model))
