"""`model.yaml`, section `monitor`: what the sensors promise, and when they are believed."""

from __future__ import annotations

from pydantic import Field

from evergreen.config.durations import Duration, parse_duration
from evergreen.config.section import Section


class CtrSpec(Section):
    """The click-through rate: evidence of a drop, and a plain rule beside it."""

    min_drop: float = Field(0.10, gt=0, le=0.5)
    """The smallest relative drop worth a retraining. Larger ones up to 50 % are looked for as well;
    a larger `min_drop` finds these a little sooner, and ignores smaller ones."""
    memory: Duration = parse_duration("28d")
    """Evidence older than this is forgotten; so is what lies before a retraining was requested."""
    max_drop: float = Field(0.15, gt=0, lt=1)
    """Alarm when the CTR is surely below (1 - max_drop) times the baseline. 15 % is twice the daily
    cycle's standard deviation on the shops measured so far."""
    floor: float | None = Field(None, gt=0, lt=1)
    """Alarm when the CTR is surely below this, whatever the baseline."""


class FallbackSpec(Section):
    """The plain rule on the share of impressions that the model could not fill."""

    max_share: float = Field(0.10, gt=0, lt=1)
    """Alarm when the share of fallback impressions is surely above this: the earliest sign of a
    stale recommender, because what is new in the catalogue is unknown to it."""


class DriftSpec(Section):
    """The drift of features and of what the model answers, over 24 hours and over one."""

    min_psi: float = Field(0.10, gt=0)
    """A smaller population stability index over 24 hours is not large. 0.10 is the field's border
    between 'no change' and 'some change' (Siddiqi 2006)."""
    break_psi: float = Field(1.0, gt=0)
    """The same for a single hour: only breaks, such as a feature gone null, are as large."""
    min_gain: float = Field(0.05, gt=0, lt=1)
    """Missing or never seen values must have gained this share of 24 hours' rows."""
    break_gain: float = Field(0.50, gt=0, lt=1)
    """The same for a single hour."""
    min_importance: float = Field(0.10, gt=0, le=1)
    """The model has drifted when columns that hold this share of its gain have."""
    empty_share: float = Field(1e-4, gt=0, lt=0.01)
    """Share that an empty bin is taken to have in PSI; it decides the size of large ones."""
    outputs: tuple[str, ...] = ("score",)
    """Columns that the model answers with: a drift of one is one of the model."""


class TriggerSpec(Section):
    """When evidence becomes a retraining."""

    alarms: int = Field(1, ge=1)
    """A sensor must alarm in so many of the last `of_hours` hours, and in the newest. One is enough
    where the rate of false alarms is promised; more are calmer and later."""
    of_hours: int = Field(1, ge=1, le=168)
    """See `alarms`."""
    clear_after: int = Field(6, ge=0, le=168)
    """Hours without any alarm after which a model counts as healthy again."""
    cooldown: Duration = parse_duration("24h")
    """No second retraining this soon after the last request or release."""
    max_retrains_per_day: int = Field(2, ge=1)
    """The budget of retrainings in any 24 hours."""
    max_model_age: Duration = parse_duration("28d")
    """A champion older than this is retrained whatever the sensors say."""


class MonitorSpec(Section):
    """What is watched every hour."""

    false_alarms_per_year: float = Field(1.0, gt=0, le=365)
    """The promise: requests for a retraining a year that no change called for, by all sensors
    together. More finds changes sooner."""
    window: Duration = parse_duration("7d")
    """Trailing window that is judged: whole weeks, so that daily and weekly cycles cancel."""
    confidence: float = Field(0.999, gt=0.5, lt=1)
    """One-sided confidence of the plain rules' bounds."""
    min_impressions: int = Field(2_000, ge=1)
    """Fewer impressions in the window are 'not enough data'."""
    min_hour_impressions: int = Field(30, ge=1)
    """An hour with fewer mature impressions is thin: its evidence counts, but it never alarms."""
    ctr: CtrSpec = CtrSpec()
    fallback: FallbackSpec = FallbackSpec()
    drift: DriftSpec = DriftSpec()
    trigger: TriggerSpec = TriggerSpec()
