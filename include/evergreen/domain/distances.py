"""How far two distributions over the same bins are apart: sizes for people, not evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

EMPTY_SHARE = 1e-4
"""Share that an empty bin is taken to have in PSI. It decides the size of a large PSI (the same
data give 2.1 or 135), so it stands beside every PSI that is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """Distances between a reference and now.

    Parameters:
        psi: population stability index, 0 to about 18 with this floor.
        jensen_shannon: square root of the divergence in bits, 0 to 1.
        wasserstein: over the bins' order, as a share of the whole range, 0 to 1; of numbers only.
        largest_change: of any bin's share, -1 to 1, with its index.
        empty_share: the floor of PSI.
    """

    psi: float
    jensen_shannon: float
    wasserstein: float
    largest_change: float
    largest_bin: int
    empty_share: float


def distances(reference: ArrayLike, now: ArrayLike, *, empty_share: float) -> Distances:
    """Return the distances between two vectors of counts or shares, [B] each.

    PSI = sum (q - p) log(q / p) with both shares at least `empty_share` (Siddiqi 2006);
    Jensen-Shannon as Endres and Schindelin 2003; Wasserstein-1 over bin numbers / (B - 1).

    Raises:
        ValueError: one of them is empty: there is no share of nothing.

    Example:
        >>> d = distances([50, 50], [80, 20], empty_share=1e-4)
        >>> round(d.psi, 4), round(d.jensen_shannon, 4), round(d.wasserstein, 2), d.largest_bin
        (0.4159, 0.2704, 0.3, 0)
    """
    p, q = _shares(reference), _shares(now)
    change = q - p
    size = np.abs(change).round(12)
    largest = int(
        np.argmax(size + (change > 0) * (size == size.max()))
    )  # of two, the one that grew
    return Distances(
        psi=psi(p, q, empty_share=empty_share),
        jensen_shannon=float(np.sqrt(max(_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2), 0.0) / 2)),
        wasserstein=float(np.abs(np.cumsum(change)).sum() / max(p.size - 1, 1)),
        largest_change=float(change[largest]),
        largest_bin=largest,
        empty_share=empty_share,
    )


def psi(p: np.ndarray, q: np.ndarray, *, empty_share: float) -> float:
    """Return the population stability index of two vectors of shares, [B]."""
    a, b = np.maximum(p, empty_share), np.maximum(q, empty_share)
    return float(np.sum((b - a) * np.log(b / a)))


def _shares(counts: ArrayLike) -> np.ndarray:
    values = np.asarray(counts, dtype=float)
    if not values.sum() > 0:
        raise ValueError("a distance needs rows on both sides")
    return np.asarray(values / values.sum())


def _kl(p: np.ndarray, q: np.ndarray) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log2(p[some] / q[some])))
