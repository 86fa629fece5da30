"""Paired cluster bootstrap of a mean difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BATCH = 200  # resamples drawn at once: 200 x 20,000 clusters of int64 are 32 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanInterval:
    """A mean with its two-sided interval, and what it was computed from."""

    value: float
    lower: float
    upper: float
    rows: int
    clusters: int
    resamples: int


def bootstrap_mean(
    values: ArrayLike, clusters: ArrayLike, *, confidence: float, resamples: int, seed: int
) -> MeanInterval:
    """Return the mean of `values` and its percentile interval over resampled clusters.

    Rows of one cluster (a user's page views) are kept together, because they are not independent
    (Efron and Tibshirani 1993; Field and Welsh 2007). Pass per-row differences for a paired test.

    Parameters:
        values: one value a row, [N], finite.
        clusters: cluster of each row, any labels, [N].
        confidence: of the two-sided interval; higher is wider.
        resamples: more is steadier.

    Returns:
        NaN bounds without rows; with one cluster the whole line, since nothing says how clusters
        vary.

    Example:
        >>> i = bootstrap_mean([1, 1, 1], [0, 1, 2], confidence=0.95, resamples=100, seed=1)
        >>> (i.value, i.lower, i.upper)
        (1.0, 1.0, 1.0)
    """
    rows = np.asarray(values, dtype=float)
    _, code = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(code.max()) + 1 if rows.size else 0
    value = float(rows.mean()) if rows.size else float("nan")
    if count < 2:
        bound = float("nan") if not rows.size else float("inf")
        lower, upper = (-bound, bound)
    else:
        sums, sizes = np.bincount(code, weights=rows), np.bincount(code).astype(float)
        rng, share = np.random.default_rng(seed), np.full(count, 1 / count)
        means = np.empty(resamples)
        for start in range(0, resamples, BATCH):
            stop = min(start + BATCH, resamples)
            weights = rng.multinomial(count, share, size=stop - start)
            means[start:stop] = (weights @ sums) / (weights @ sizes)
        tail = (1 - confidence) / 2
        lower, upper = (float(q) for q in np.quantile(means, [tail, 1 - tail]))
    return MeanInterval(
        value=value,
        lower=lower,
        upper=upper,
        rows=int(rows.size),
        clusters=count,
        resamples=resamples,
    )
