"""Lorden's bound: how soon any method can find a drop of CTR, at a given run length.

No method whose mean time between false alarms is g hours has a mean delay (in its worst case)
below about log(g) / I, where I is the Kullback-Leibler information an hour. Clicks that come in
bunches hold less of it: I = n·KL(p1 || p0) / phi, phi the dispersion. The bound is a limit for
large g; a median can lie a little below it.

References: Lorden, Procedures for reacting to a change in distribution, Annals of Mathematical
Statistics 42 (1971).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def binomial_divergence(p1: ArrayLike, p0: ArrayLike) -> np.ndarray:
    """Return KL(p1 || p0) of one impression, in nats.

    Example:
        >>> round(float(binomial_divergence(0.03, 0.04)), 6)
        0.001421
    """
    p1, p0 = np.asarray(p1, dtype=float), np.asarray(p0, dtype=float)
    return p1 * np.log(p1 / p0) + (1 - p1) * np.log((1 - p1) / (1 - p0))


def lorden_hours(
    impressions: ArrayLike, rates: ArrayLike, *, drop: float, phi: float, run_length_hours: float
) -> float:
    """Return log(run length) / (KL an hour / phi), in hours.

    Parameters:
        impressions, rates: expected impressions and CTR of the hours of a week, [168].
        drop: relative drop of CTR, 0 to 1.
        phi: dispersion, 1 where impressions are independent.
        run_length_hours: mean hours between false alarms.

    Example:
        >>> round(lorden_hours([2000], [0.04], drop=0.25, phi=3, run_length_hours=8760), 2)
        9.58
    """
    p0 = np.asarray(rates, dtype=float)
    an_hour = (np.asarray(impressions) * binomial_divergence((1 - drop) * p0, p0)).mean() / phi
    return float(np.log(run_length_hours) / an_hour)
