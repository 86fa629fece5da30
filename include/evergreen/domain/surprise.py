"""Whether counts differ from a reference by more than clustered rows do by chance.

Pearson's chi-square assumes independent rows. Rows of one user, page view or day are not: its
distribution is then that of a sum of weighted chi-squares, whose weights are the eigenvalues of a
design-effect matrix (Rao and Scott 1981). They are estimated on the reference, cut into blocks of
the length that is judged later, so that whatever makes days differ from each other is in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

MIN_EXPECTED = 5.0
"""Effective rows that each bin must expect (Cochran 1954); rarer bins are pooled."""
MIN_BLOCKS = 3
"""Fewer blocks of reference say nothing about how much blocks differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The null distribution of Pearson's X² of one block: about `scale` times chi-square.

    Parameters:
        scale: factor of the chi-square; 1 for independent rows.
        freedom: its degrees of freedom, 1 to B - 1.
        blocks: reference blocks it was estimated on.
        design_effect: mean of X² over B - 1, at least 1: rows count as rows / design_effect.
    """

    scale: float
    freedom: float
    blocks: int
    design_effect: float


UNKNOWN = Spread(scale=1.0, freedom=1.0, blocks=0, design_effect=1.0)


def fit_spread(blocks: ArrayLike) -> Spread:
    """Return the spread of reference blocks, of whatever sizes.

    Scale and degrees of freedom match mean and variance of the weighted sum (Satterthwaite 1946),
    with the unbiased estimate of the sum of squared eigenvalues (Srivastava 2005).

    Parameters:
        blocks: counts of each block, [K, B]; empty blocks and bins do not count.

    Example:
        >>> fit_spread([[5, 5], [5, 5], [5, 5], [5, 5]])
        Spread(scale=1.0, freedom=1.0, blocks=4, design_effect=1.0)
    """
    counts = np.asarray(blocks, dtype=float)
    counts = counts[counts.sum(axis=1) > 0] if counts.size else counts.reshape(0, 1)
    counts = counts[:, counts.sum(axis=0) > 0]
    size, bins = counts.shape
    if size < MIN_BLOCKS or bins < 2:
        return Spread(scale=1.0, freedom=float(max(bins - 1, 1)), blocks=size, design_effect=1.0)
    shares = counts.sum(axis=0) / counts.sum()
    expected = counts.sum(axis=1, keepdims=True) * shares
    residuals = (counts - expected) / np.sqrt(expected)
    left = size - 1  # the shares were estimated from the same blocks
    matrix = residuals.T @ residuals / left
    total = float(np.trace(matrix))
    squares = left**2 / ((left - 1) * (left + 2)) * float((matrix**2).sum() - total**2 / left)
    effect = max(total / (bins - 1), 1.0)
    freedom = float(np.clip(total**2 / squares, 1.0, bins - 1)) if squares > 0 else bins - 1.0
    if total <= bins - 1:
        freedom = bins - 1.0
    return Spread(
        scale=effect * (bins - 1) / freedom, freedom=freedom, blocks=size, design_effect=effect
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """Pearson's test and PSI over pooled bins, of each hour.

    Parameters:
        p_value: probability of so large an X² without a change, [H]; NaN where bins are too few.
        psi: over the pooled bins, [H]; NaN without rows.
        bins: pooled bins, [H].
    """

    p_value: np.ndarray
    psi: np.ndarray
    bins: np.ndarray


def surprise(
    counts: ArrayLike, reference: ArrayLike, *, spread: Spread, empty_share: float
) -> Surprise:
    """Return how surprising the counts of each hour are, and how far from the reference.

    The rarest bins are pooled into one until it expects `MIN_EXPECTED` effective rows. Then
    X² = sum (x - n p)² / (n p) / (1 + n/m) is held against scale · freedom · F(freedom,
    freedom · (blocks - 1)): F instead of chi-square because the scale is itself estimated.

    Parameters:
        counts: rows in each bin, [H, B].
        reference: reference rows in each bin, [B].
        empty_share: floor of a bin's share in PSI.

    Example:
        >>> many = Spread(scale=1.0, freedom=1.0, blocks=10_000, design_effect=1.0)
        >>> s = surprise([[60, 40]], [5e8, 5e8], spread=many, empty_share=1e-4)
        >>> round(float(s.p_value[0]), 3), round(float(s.psi[0]), 3)
        (0.046, 0.041)
    """
    x, m = np.asarray(counts, dtype=float), np.asarray(reference, dtype=float)
    order = np.argsort(m, kind="stable")
    x, share = x[:, order], m[order] / max(m.sum(), 1e-300)
    n = x.sum(axis=1)
    pooled = _pooled_bins(n / spread.design_effect, share)
    at = np.arange(m.size)[None, :] < pooled[:, None]  # the rarest bins of each hour, [H, B]
    rest_x, rest_p = (x * at).sum(axis=1), (share * at).sum(axis=1)
    rows = np.maximum(n, 1)[:, None]
    p = np.where(at, rest_p[:, None] / np.maximum(pooled, 1)[:, None], share)
    q = np.where(at, (rest_x / np.maximum(pooled, 1))[:, None], x) / rows  # each an equal part
    chi = np.divide((q - p) ** 2, p, out=np.zeros_like(q), where=p > 0).sum(axis=1) * n
    bins = m.size - pooled + (pooled > 0)
    part = np.where(at, pooled[:, None], 1)  # so that the floor is that of the pooled bin
    a, b = np.maximum(p, empty_share / part), np.maximum(q, empty_share / part)
    psi = np.where(n > 0, ((b - a) * np.log(b / a)).sum(axis=1), np.nan)
    p_value = _p_value(chi / (1 + n / m.sum()), bins, n, spread)
    few = (pooled > 0) & (rest_p * n / spread.design_effect < MIN_EXPECTED * (1 - 1e-9))
    return Surprise(p_value=np.where(few, np.nan, p_value), psi=psi, bins=bins)


def _pooled_bins(effective: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return how many of the rarest bins (shares ascending) are pooled in each hour, [H]."""
    least = MIN_EXPECTED / np.maximum(effective, 1e-300)
    rare = np.searchsorted(share, least)  # bins that expect too few alone
    enough = np.searchsorted(np.cumsum(share), least * (1 - 1e-12)) + 1
    return np.where(rare > 0, np.minimum(np.maximum(rare, enough), max(share.size - 1, 1)), 0)


def _p_value(chi: np.ndarray, bins: np.ndarray, rows: np.ndarray, spread: Spread) -> np.ndarray:
    if spread.blocks < MIN_BLOCKS:
        return np.full(chi.shape, np.nan)
    left = np.maximum(bins - 1.0, 1.0)
    freedom = np.minimum(spread.freedom, left)
    ratio = chi / (spread.design_effect * left)
    p = fdtrc(freedom, freedom * (spread.blocks - 1), ratio)
    return np.asarray(np.where((bins > 1) & (rows > 0), p, np.nan))
