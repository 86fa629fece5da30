"""The plain rule on the fallback share: what the model does not know any more.

New items enter the catalogue after the champion was published; their page views are filled with
popular items instead. Their share grows before the CTR shows anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from evergreen.domain.share import ShareEstimate, estimate_share
from evergreen.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackJudgement:
    """The answer, the share it rests on, and the bound it was held against."""

    verdict: Verdict
    share: ShareEstimate
    bound: float
    reason: str


def judge_fallback(
    fallback: ArrayLike,
    impressions: ArrayLike,
    *,
    max_share: float,
    confidence: float,
    min_impressions: int,
) -> FallbackJudgement:
    """Say whether the share of fallback impressions is surely above `max_share`.

    Parameters:
        fallback, impressions: counts an hour, [H].
        max_share: 0 to 1; higher alarms later.
        confidence: of the lower bound, one-sided; higher alarms later.

    Example:
        >>> judge_fallback([30, 30], [100, 100], max_share=0.1, confidence=0.999,
        ...                min_impressions=100).verdict
        <Verdict.YES: 'yes'>
    """
    share = estimate_share(fallback, impressions, confidence=confidence)
    if share.trials < min_impressions:
        verdict = Verdict.NOT_ENOUGH_DATA
        reason = f"{share.trials} impressions in the window, {min_impressions} needed"
    elif share.lower > max_share:
        verdict = Verdict.YES
        reason = (
            f"{share.value:.1%} of impressions are fallback, at least {share.lower:.1%}; "
            f"allowed {max_share:.1%}"
        )
    else:
        verdict = Verdict.NO
        reason = f"{share.value:.1%} of impressions are fallback; allowed {max_share:.1%}"
    return FallbackJudgement(verdict=verdict, share=share, bound=max_share, reason=reason)
