"""The plain CTR rule: surely below what the champion is expected to earn."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from evergreen.domain.share import ShareEstimate, estimate_share
from evergreen.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrRule:
    """When a CTR is too low.

    Parameters:
        max_drop: share of the baseline that may be lost, 0 to 1; higher alarms later.
        floor: a CTR that is too low whatever the baseline; None for none.
        confidence: of the upper bound, one-sided; higher alarms later.
        min_impressions: fewer in the window are not enough data.
    """

    max_drop: float
    floor: float | None
    confidence: float
    min_impressions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrJudgement:
    """The answer, the estimate it rests on, and the bound it was held against."""

    verdict: Verdict
    ctr: ShareEstimate
    baseline: float
    bound: float
    reason: str


def judge_ctr(
    clicks: ArrayLike, impressions: ArrayLike, *, baseline: float | None, rule: CtrRule
) -> CtrJudgement:
    """Say whether the trailing window's CTR is surely too low.

    Alarms when the upper confidence bound is below `(1 - max_drop) * baseline`, or below `floor`.

    Parameters:
        clicks, impressions: mature counts an hour, [H]; hours without impressions do not count.
        baseline: CTR the champion is expected to earn, 0 to 1; None or 0 when it is unknown.

    Example:
        >>> rule = CtrRule(max_drop=0.15, floor=None, confidence=0.999, min_impressions=1000)
        >>> judge_ctr([40, 40], [1000, 1000], baseline=0.08, rule=rule).verdict
        <Verdict.YES: 'yes'>
    """
    ctr = estimate_share(clicks, impressions, confidence=rule.confidence)
    limit = (1 - rule.max_drop) * (baseline or 0.0)
    bound = max(limit, rule.floor or 0.0)
    if ctr.trials < rule.min_impressions:
        verdict = Verdict.NOT_ENOUGH_DATA
        reason = f"{ctr.trials} impressions in the window, {rule.min_impressions} needed"
    elif not bound:
        verdict = Verdict.NOT_ENOUGH_DATA
        reason = "no baseline CTR to compare with, and no floor set"
    elif ctr.upper < bound:
        verdict = Verdict.YES
        drop = f", {1 - ctr.value / baseline:.0%} below {baseline:.2%}" if baseline else ""
        reason = f"CTR {ctr.value:.2%}{drop}; at most {ctr.upper:.2%}, allowed {bound:.2%}"
    else:
        verdict = Verdict.NO
        reason = f"CTR {ctr.value:.2%}, at most {ctr.upper:.2%}; allowed {bound:.2%}"
    return CtrJudgement(
        verdict=verdict, ctr=ctr, baseline=baseline or 0.0, bound=bound, reason=reason
    )
