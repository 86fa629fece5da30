"""A mean over clustered rows with its standard error: the analytic counterpart of the bootstrap.

Of many clusters it agrees with the cluster bootstrap within a few per cent at a thousandth of the
cost, and it reaches error rates of one in a million, which no affordable number of resamples does.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEstimate:
    """A value with its standard error over clusters.

    Parameters:
        standard_error: NaN without rows, infinite with one cluster.
        freedom: degrees of freedom of its t distribution, at least 1.
    """

    value: float
    standard_error: float
    rows: int
    clusters: int
    freedom: float

    def quantile(self, probability: float) -> float:
        """Return the t quantile, in standard errors; `probability` is above one half."""
        return float(stdtrit(self.freedom, probability))

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Return lower and upper bound, each wrong with probability alpha.

        Example:
            >>> e = ClusterEstimate(value=1.0, standard_error=0.5, rows=9, clusters=9, freedom=8.0)
            >>> [round(b, 3) for b in e.bounds(0.025)]
            [-0.153, 2.153]
        """
        if self.standard_error == inf:
            return (-inf, inf)
        reach = self.quantile(1 - alpha) * self.standard_error
        return (self.value - reach, self.value + reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums of rows by cluster, [C]: all that an estimate needs of them."""

    of: NDArray[np.float64]
    rows: NDArray[np.float64]


def sums_of(values: ArrayLike, rows: ArrayLike | None, clusters: ArrayLike) -> Sums:
    """Return the sums of each cluster.

    Parameters:
        values: sum of each entry, [N].
        rows: how many rows each entry stands for, [N]; None: one.
        clusters: of each entry, any labels, [N].
    """
    of = np.asarray(values, dtype=float)
    _, code = np.unique(np.asarray(clusters), return_inverse=True)
    weights = np.ones(of.size) if rows is None else np.asarray(rows, dtype=float)
    return Sums(of=np.bincount(code, weights=of), rows=np.bincount(code, weights=weights))


def estimate_mean(values: ArrayLike, clusters: ArrayLike) -> ClusterEstimate:
    """Return the mean of rows of which those of one cluster are alike.

    Parameters:
        values: one value a row, [N]; differences for a paired test.
        clusters: of each row, any labels, [N].

    Example:
        >>> e = estimate_mean([0, 0, 2, 2], ["a", "a", "b", "b"])
        >>> (e.value, e.standard_error, e.clusters)
        (1.0, 1.0, 2)
    """
    return estimate_ratio(sums_of(values, None, clusters))


def estimate_ratio(sums: Sums) -> ClusterEstimate:
    """Return sum of values / sum of rows, linearised.

    With residual u_c = (s_c - r n_c)/N of each cluster the variance is C/(C - 1) sum u_c²
    (Taylor linearisation: Cochran 1977, chapter 6; the cluster-robust variance of Liang and Zeger
    1986). Its degrees of freedom are those of Satterthwaite for rows of equal variance,
    (sum n_c)²/sum n_c² - 1: a few large clusters count as few (Carter, Schnepel, Steigerwald 2017).

    Parameters:
        sums: of each cluster; clusters without rows do not count.
    """
    return estimate_difference(sums, None)


def estimate_difference(of: Sums, minus: Sums | None) -> ClusterEstimate:
    """Return the difference of two ratios over the same clusters, linearised; see `estimate_ratio`.

    Parameters:
        of, minus: sums of each cluster, [C] both.
    """
    value, influence = _ratio(of)
    weight = of.rows
    if minus is not None:
        other, its = _ratio(minus)
        value, influence, weight = value - other, influence - its, weight + minus.rows
    at = weight > 0
    count, total = int(at.sum()), float(weight.sum())
    if count < 2:
        error, freedom = (inf if count and isfinite(value) else float("nan")), 1.0
    else:
        error = sqrt(count / (count - 1) * float((influence[at] ** 2).sum()))
        freedom = max(total**2 / float((weight**2).sum()) - 1, 1.0)
    return ClusterEstimate(
        value=value,
        standard_error=error,
        rows=int(of.rows.sum()),
        clusters=count,
        freedom=freedom,
    )


def _ratio(sums: Sums) -> tuple[float, NDArray[np.float64]]:
    total = float(sums.rows.sum())
    if total == 0:
        return float("nan"), np.full(sums.of.shape, np.nan)
    value = float(sums.of.sum()) / total
    return value, (sums.of - value * sums.rows) / total
