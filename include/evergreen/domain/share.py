"""The confidence interval of a share (CTR, fallback share) whose events come in clusters."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareEstimate:
    """A share with its one-sided bounds.

    Parameters:
        value: successes / trials, 0 to 1; NaN without trials.
        lower, upper: each holds alone at the stated confidence.
        design_effect: variance of the share over the one of independent trials, at least 1.
    """

    value: float
    lower: float
    upper: float
    successes: int
    trials: int
    clusters: int
    design_effect: float


def estimate_share(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float, min_design_effect: float = 1.0
) -> ShareEstimate:
    """Return Wilson's interval at the effective sample size of clustered trials.

    The impressions of one hour share visitors, baskets and campaigns, so their clicks are not
    independent. The share is a ratio of cluster totals; its variance is that of the residuals
    s_i - p t_i (Cochran 1977, section 6.5), and the design effect d is this variance over
    p(1 - p)/t. Wilson's bound is then taken with t/d trials (Korn and Graubard 1998).

    Parameters:
        successes, trials: counts a cluster (an hour), [H]; clusters without trials do not count.
        confidence: of each bound alone, 0.5 to 1; higher is wider.
        min_design_effect: floor of d; 1 says that clusters never help.

    Example:
        >>> e = estimate_share([10, 10], [100, 100], confidence=0.975)
        >>> round(e.value, 3), round(e.lower, 4), round(e.upper, 4)
        (0.1, 0.0657, 0.1494)
    """
    s, t = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    s, t = s[t > 0], t[t > 0]
    total, hits, clusters = float(t.sum()), float(s.sum()), int(t.size)
    if not total:
        nan = float("nan")
        return ShareEstimate(
            value=nan, lower=0.0, upper=1.0, successes=0, trials=0, clusters=0, design_effect=nan
        )
    p = hits / total
    effect = max(_design_effect(s, t, p), min_design_effect)
    n, z = total / effect, NormalDist().inv_cdf(confidence)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return ShareEstimate(
        value=p,
        lower=max(centre - half, 0.0),
        upper=min(centre + half, 1.0),
        successes=int(hits),
        trials=int(total),
        clusters=clusters,
        design_effect=effect,
    )


def _design_effect(s: np.ndarray, t: np.ndarray, p: float) -> float:
    if s.size < 2 or p in (0.0, 1.0):
        return 1.0
    residuals = s - p * t
    variance = s.size / (s.size - 1) * float(residuals @ residuals) / float(t.sum()) ** 2
    return variance / (p * (1 - p) / float(t.sum()))


def wilson_lower(share: ArrayLike, trials: ArrayLike, *, alpha: float) -> np.ndarray:
    """Return Wilson's lower bounds of shares at so many effective trials, one-sided.

    Example:
        >>> wilson_lower([0.5], [100], alpha=0.025).round(4).tolist()
        [0.4038]
    """
    p, n = np.asarray(share, dtype=float), np.asarray(trials, dtype=float)
    z = -NormalDist().inv_cdf(alpha)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return np.asarray(np.maximum(centre - half, 0.0))
