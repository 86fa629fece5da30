"""The CTR sensor: accumulated evidence of a drop, and a plain rule that operators understand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike

from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.detector import (
    Alarm,
    Evidence,
    beyond_allowance,
    evidence,
    log_ratios,
)
from evergreen.domain.share import ShareEstimate, estimate_share
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import hour_key


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrRule:
    """When a CTR is too low.

    Parameters:
        max_drop: share of the baseline that may be lost, 0 to 1; higher alarms later.
        floor: a CTR that is too low whatever the baseline; None for none.
        confidence: of the plain rule's upper bound, one-sided; higher alarms later.
        min_impressions: fewer in the trailing window are not enough data.
        min_hour_impressions: an hour with fewer is thin: it adds evidence, but never alarms.
    """

    max_drop: float
    floor: float | None
    confidence: float
    min_impressions: int
    min_hour_impressions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrJudgement:
    """The answer, the estimate it rests on, and the bounds it was held against.

    Parameters:
        ctr: of the trailing window.
        expected: CTR that the baseline expects of the same hours; None without one.
        bound: of the plain rule: the upper confidence bound must not lie below it.
        evidence: log of the detector's statistic; None without baseline or evidence.
        level: where it alarms.
        drop: relative drop that explains the evidence best.
        since: the hour at which it most likely began, where there is evidence at all.
        ctr_since, expected_since: from that hour on.
    """

    verdict: Verdict
    reason: str
    ctr: ShareEstimate
    expected: float | None
    bound: float
    dispersion: float | None
    evidence: float | None
    level: float | None
    drop: float | None
    since: str | None
    ctr_since: float | None
    expected_since: float | None


def judge_ctr(
    hours: Sequence[datetime],
    clicks: ArrayLike,
    impressions: ArrayLike,
    *,
    window_start: datetime,
    evidence_start: datetime,
    baseline: CtrBaseline | None,
    alarm: Alarm | None,
    rule: CtrRule,
    expected: np.ndarray | None = None,
) -> CtrJudgement:
    """Say whether the CTR has dropped.

    Alarms when the evidence since `evidence_start` exceeds the alarm level (`detector`), or when
    the upper confidence bound of the trailing window's CTR lies below (1 - max_drop) times what the
    baseline expects of the same hours, or below `floor`. The newest hour must not be thin.

    Parameters:
        hours: start of each mature hour, [H], oldest first; the last one is judged.
        clicks, impressions: mature counts of each hour, [H].
        window_start: first hour of the plain rule's trailing window.
        evidence_start: first hour whose evidence counts.
        baseline, alarm: of the champion's profile; None when it has none.
        expected: `baseline.expected(hours)`, where it is known already.
    """
    c, n = np.asarray(clicks, dtype=float), np.asarray(impressions, dtype=float)
    p0 = _expected(hours, baseline) if expected is None else expected
    window = slice(bisect_left(hours, window_start), None)
    share = estimate_share(
        c[window],
        n[window],
        confidence=rule.confidence,
        min_design_effect=baseline.dispersion if baseline else 1.0,
    )
    mean = _mean(p0[window], n[window]) if baseline else None
    bound = max((1 - rule.max_drop) * (mean or 0.0), rule.floor or 0.0)
    used = bisect_left(hours, evidence_start) + np.flatnonzero(
        n[bisect_left(hours, evidence_start) :] > 0
    )
    found = _evidence(c[used], n[used], p0[used], baseline, alarm)
    newest = float(n[-1]) if n.size else 0.0
    verdict, reason = _verdict(share, mean, bound, found, alarm, newest, rule)
    since = int(used[found.since]) if found and found.since is not None else None
    return CtrJudgement(
        verdict=verdict,
        reason=reason,
        ctr=share,
        expected=mean,
        bound=bound,
        dispersion=baseline.dispersion if baseline else None,
        evidence=found.value if found else None,
        level=alarm.level if alarm else None,
        drop=found.drop if found else None,
        since=hour_key(hours[since]) if since is not None else None,
        ctr_since=_mean(c[since:] / np.maximum(n[since:], 1), n[since:])
        if since is not None
        else None,
        expected_since=_mean(p0[since:], n[since:]) if since is not None else None,
    )


def _expected(hours: Sequence[datetime], baseline: CtrBaseline | None) -> np.ndarray:
    return baseline.expected(hours) if baseline else np.zeros(len(hours))


def _mean(rates: np.ndarray, weights: np.ndarray) -> float | None:
    return float(rates @ weights / weights.sum()) if weights.sum() else None


def _evidence(
    c: np.ndarray,
    n: np.ndarray,
    p0: np.ndarray,
    baseline: CtrBaseline | None,
    alarm: Alarm | None,
) -> Evidence | None:
    if baseline is None or alarm is None or not n.size:
        return None
    ratios = log_ratios(
        c,
        n,
        p0 * (1 - alarm.allowance),
        drops=beyond_allowance(alarm.drops, alarm.allowance),
        dispersion=baseline.dispersion,
    )
    return evidence(ratios, alarm=alarm)


def _verdict(
    share: ShareEstimate,
    expected: float | None,
    bound: float,
    found: Evidence | None,
    alarm: Alarm | None,
    newest: float,
    rule: CtrRule,
) -> tuple[Verdict, str]:
    if newest < rule.min_hour_impressions:
        return Verdict.NOT_ENOUGH_DATA, (
            f"{newest:.0f} mature impressions in the newest hour, "
            f"{rule.min_hour_impressions} needed"
        )
    if share.trials < rule.min_impressions:
        return Verdict.NOT_ENOUGH_DATA, (
            f"{share.trials} impressions in the window, {rule.min_impressions} needed"
        )
    if not bound:
        return Verdict.NOT_ENOUGH_DATA, "no baseline CTR to compare with, and no floor set"
    text = f"CTR {share.value:.2%}"
    if expected:
        text += f", expected {expected:.2%} ({share.value / expected - 1:+.0%})"
    strong = found is not None and alarm is not None and found.value > alarm.level
    if found is not None and alarm is not None:
        text += f"; evidence {found.value:.1f}, alarm at {alarm.level:.1f}"
    if share.upper < bound:
        return Verdict.YES, f"{text}; at most {share.upper:.2%}, allowed {bound:.2%}"
    return Verdict.YES if strong else Verdict.NO, text
