"""How well one feature alone tells clicked from not clicked: the area under its ROC curve.

A feature that knows the answer almost perfectly has usually seen it: a column made after the click,
or joined with the label. The area does not depend on how many rows were clicked, so that clicked
and other rows may be sampled at different rates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

MIN_EACH = 50
"""Clicked rows and others, at least: the area's standard error is then below 0.06 (Hanley and
McNeil 1982, at an area of 0.5 and 50 of each)."""


def auc(values: ArrayLike, labels: ArrayLike, *, min_each: int = MIN_EACH) -> float | None:
    """Return max(a, 1 - a) of the area a under the ROC curve: 0.5 tells nothing, 1 everything.

    a = P(x > y) + P(x = y)/2 for the value x of a random clicked row and y of another one (Mann and
    Whitney 1947). It is folded because a feature that falls with the label leaks as well.

    Parameters:
        values: one number a row, [N]; missing ones (NaN) rank lowest, all alike.
        labels: true where clicked, [N].
        min_each: rows of each label that are needed.

    Returns:
        0.5 to 1; None with fewer than `min_each` rows of either label.

    Example:
        >>> auc([1.0, 2.0, 2.0, 3.0], [False, False, True, True], min_each=2)
        0.875
    """
    clicked = np.asarray(labels, dtype=bool)
    positives = int(np.count_nonzero(clicked))
    negatives = clicked.size - positives
    if min(positives, negatives) < max(min_each, 1):
        return None
    column = np.asarray(values, dtype=np.float64)
    column = np.where(np.isnan(column), -np.inf, column)
    order = np.argsort(column)
    ranked, hit = column[order], clicked[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))  # of each distinct value
    tied = np.diff(starts, append=ranked.size)
    hits = np.add.reduceat(hit.astype(np.int64), starts)
    misses = tied - hits
    below = np.cumsum(misses) - misses
    area = float(hits @ (below + misses / 2)) / (positives * negatives)
    return max(area, 1 - area)
