"""A mean over clustered rows with its standard error: the analytic counterpart of the bootstrap.

Of many clusters it agrees with the cluster bootstrap within a few per cent at a thousandth of the
cost, and it reaches error rates of one in a million, which no affordable number of resamples does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    rows = np.asarray(values, dtype=float)
    sums = sums_of(rows, None, clusters)
    alike = intraclass(sums, float((rows**2).sum()))
    return _estimate(*_ratio(sums), sums.rows, alike)


def estimate_ratio(sums: Sums) -> ClusterEstimate:
    """Return sum of values / sum of rows; see `estimate_difference`.

    Parameters:
        sums: of each cluster; clusters without rows do not count.
    """
    return estimate_difference(sums, None)


def estimate_difference(of: Sums, minus: Sums | None) -> ClusterEstimate:
    """Return the difference of two ratios over the same clusters, linearised.

    The residual of each cluster is u_c = (s_c - r n_c)/N, or the difference of two, and the
    variance sum u_c²/(1 - n_c/N): linearised (Cochran 1977, chapter 6), robust to any likeness
    within clusters (Liang and Zeger 1986), and without the bias that large clusters cause (Bell and
    McCaffrey 2002, CR2). Degrees of freedom are Satterthwaite's, (sum w_c)²/sum w_c² - 1, under
    rows that correlate within a cluster by rho: w_c = n_c (1 + (n_c - 1) rho) (Imbens and Kolesár
    2016). So a few large clusters count as few. Of sums nothing says rho, and it is taken as 0.

    Parameters:
        of, minus: sums of each cluster, [C] both.
    """
    value, influence = _ratio(of)
    weight = of.rows
    if minus is not None:
        other, its = _ratio(minus)
        value, influence, weight = value - other, influence - its, weight + minus.rows
    found = _estimate(value, influence, weight, 0.0)
    return replace(found, rows=int(of.rows.sum()))


def intraclass(sums: Sums, squares: float) -> float:
    """Return how alike rows of one cluster are, 0 to 1: the ANOVA estimate for unequal clusters.

    Parameters:
        sums: of each cluster.
        squares: sum of all rows' squares.
    """
    sizes = sums.rows[sums.rows > 0]
    count, total = sizes.size, float(sizes.sum())
    if count < 2 or total <= count:
        return 0.0
    within_sums = sums.of[sums.rows > 0]
    explained = float((within_sums**2 / sizes).sum())
    between = (explained - float(within_sums.sum()) ** 2 / total) / (count - 1)
    within = (squares - explained) / (total - count)
    size = (total - float((sizes**2).sum()) / total) / (count - 1)
    spread = between + (size - 1) * within
    return float(np.clip((between - within) / spread, 0.0, 1.0)) if spread > 0 else 0.0


def _estimate(
    value: float, influence: NDArray[np.float64], weight: NDArray[np.float64], alike: float
) -> ClusterEstimate:
    at = weight > 0
    n, u = weight[at], influence[at]
    if n.size < 2:
        error, freedom = (inf if n.size and isfinite(value) else float("nan")), 1.0
    else:
        error = sqrt(float((u**2 / (1 - n / n.sum())).sum()))
        design = n * (1 + np.maximum(n - 1, 0) * alike)
        freedom = max(float(design.sum()) ** 2 / float((design**2).sum()) - 1, 1.0)
    return ClusterEstimate(
        value=value,
        standard_error=error,
        rows=int(weight.sum()),
        clusters=int(n.size),
        freedom=freedom,
    )


def _ratio(sums: Sums) -> tuple[float, NDArray[np.float64]]:
    total = float(sums.rows.sum())
    if total == 0:
        return float("nan"), np.full(sums.of.shape, np.nan)
    value = float(sums.of.sum()) / total
    return value, (sums.of - value * sums.rows) / total
