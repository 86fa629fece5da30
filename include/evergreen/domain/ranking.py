"""Ranking metrics of a page view: hit at k and NDCG at k, for lists that were shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def hit_at_k(clicked: NDArray[np.bool_]) -> Floats:
    """Return 1 for each page view with a relevant item among those shown, else 0.

    Parameters:
        clicked: whether each shown item is relevant, in rank order, [P, k].
    """
    return clicked.any(axis=1).astype(np.float64)


def ndcg_at_k(clicked: NDArray[np.bool_], relevant_count: NDArray[np.int64]) -> Floats:
    """Return the normalised discounted cumulative gain of each page view, 0 to 1.

    DCG = sum over shown relevant items of 1 / log2(rank + 1); the ideal list has
    min(k, relevant_count) relevant items on top (Järvelin and Kekäläinen 2002, binary gains).

    Parameters:
        clicked: whether each shown item is relevant, in rank order, [P, k].
        relevant_count: all relevant items of the page view, [P]; NaN is returned where it is 0.

    Example:
        >>> ndcg_at_k(np.array([[False, True]]), np.array([1])).round(4).tolist()
        [0.6309]
    """
    k = clicked.shape[1]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    gain: Floats = (clicked @ discount) / ideal[np.minimum(relevant_count, k)]
    return gain
