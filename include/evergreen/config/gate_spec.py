"""`model.yaml`, section `gate`: what a challenger must prove, and what it may not spoil."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from evergreen.config.durations import Duration, parse_duration
from evergreen.config.section import Section


class SliceSpec(Section):
    """Page views that are also judged by themselves."""

    column: str = Field(min_length=1)
    """A column of the orders, such as `country`, or a feature of the item that is looked at, such
    as `context_popularity_28d`. One that the holdout lacks fails."""
    quantiles: int | None = Field(None, ge=2, le=20)
    """Cut a number into so many parts of equal size. Without it each value is a slice; beyond 20
    the rarest ones are one slice, `other`."""


class GuardrailsSpec(Section):
    """What a challenger may not spoil; null switches a guardrail off. How much is too much is a
    choice of the shop's, not a finding: these bounds let the swing of a healthy retraining pass."""

    max_log_loss_rise: float | None = Field(0.1, gt=0)
    """Relative rise of the scores' log loss, on items that both models score. Log loss alone tells
    nothing across different lists, as it rises with the CTR (He et al. 2014). In the built-in shop
    a challenger that doubles the CTR of a stale champion has 2.8 % more, and 5.2 % is not ruled
    out."""
    max_calibration_rise: float | None = Field(0.05, gt=0, lt=1)
    """Rise of the expected calibration error (Naeini et al. 2015) on items that both models score,
    as a share: 0.05 is five clicks in a hundred impressions. One champion's error swung between
    0.02 and 0.10 from week to week on the shop measured so far."""
    min_coverage_ratio: float | None = Field(0.8, gt=0, le=1)
    """Distinct items shown, as a part of the champion's (catalogue coverage, Ge et al. 2010)."""
    max_unseen_rise: float | None = Field(0.02, gt=0, lt=1)
    """Rise of the share of page views whose item the model does not know."""
    max_latency_ratio: float | None = Field(2.0, gt=1)
    """Time to score a page view's candidates at the 99th percentile, as a multiple of the
    champion's. Both are timed in turns in one process."""
    latency_floor_ms: float = Field(10.0, ge=0)
    """Faster than this is fast enough, whatever the ratio: a tenth of the 0.1 s that people take
    for at once (Nielsen 1993)."""


class OffPolicySpec(Section):
    """What the log itself says of the challenger, where impressions carry their `propensity`."""

    max_loss: float | None = Field(0.0, ge=0, lt=1)
    """Share of the champion's CTR that may be lost by the off-policy estimate: a challenger that
    surely loses more is held. null: no estimate."""
    min_effective_sample: float = Field(500.0, ge=1)
    """Impressions that must speak for each of the two (Kish's effective sample size); fewer, and
    the estimate is refused and decides nothing. At 500 and a CTR of 10 % its standard error is
    1.3 points."""
    clip: float | None = Field(None, ge=1)
    """Largest weight of an impression. Default: the root of their number (Ionides 2008)."""


class GateSpec(Section):
    """What a challenger must prove."""

    holdout: Duration = parse_duration("7d")
    """The newest mature page views, later than every training row."""
    k: int = Field(5, ge=1)
    """Length of the list that is shown and judged."""
    metric: Literal["ndcg", "hit"] = "ndcg"
    """The primary metric, at k, per page view."""
    min_gain: float = Field(0.0, ge=0)
    """The lower bound of the gain must lie above this."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Of the two-sided interval at the first attempt against a champion; later ones are wider, see
    `history_error`."""
    wanted_gain: float = Field(0.03, gt=0)
    """The relative gain worth finding. A gain that is not proved on a holdout too small to find
    this one with 90 % power is INCONCLUSIVE. 3 % is what a retraining brought after two or three
    weeks on the shop measured so far."""
    history_error: float = Field(0.05, gt=0, lt=1)
    """Probability that any of all attempts against one champion promotes a challenger that is no
    better. Attempt j may spend (1 - confidence)/2 if it is the first, and of the rest 1/(j(j - 1)):
    a union bound, so that it holds however holdouts overlap."""
    max_slice_loss: float = Field(0.05, gt=0, lt=1)
    """What a slice may lose, relative to the champion there. A choice, not a finding."""
    slices: tuple[SliceSpec, ...] = ()
    """Slices that may not lose more; none by default, because one that is missing fails."""
    guardrails: GuardrailsSpec = GuardrailsSpec()
    off_policy: OffPolicySpec = OffPolicySpec()
    resamples: int = Field(2_000, ge=100)
    """Bootstrap resamples, with few clusters. Efron and Tibshirani 1993 ask for 1,000 or more for
    intervals."""
    min_page_views: int = Field(500, ge=1)
    """Fewer are INCONCLUSIVE."""
    seed: int = 7

    @property
    def first_alpha(self) -> float:
        """The first attempt's probability of promoting what is no better."""
        return round((1 - self.confidence) / 2, 12)

    @model_validator(mode="after")
    def _budget_is_left(self) -> GateSpec:
        if self.history_error <= self.first_alpha:
            raise ValueError(
                f"history_error must be above (1 - confidence)/2 = {self.first_alpha:g}, which the "
                "first attempt spends"
            )
        names = [part.column for part in self.slices]
        if len(set(names)) < len(names):
            raise ValueError("slices must name each column once")
        return self
