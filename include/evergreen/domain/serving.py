"""What a page view shows and what is clicked: one home for the storefront and the evaluation.

A page view is one line of a basket: the customer looks at that line's item (the context) and sees
the first k of a candidate list, without what is in the basket already. A shown item is clicked when
the same basket holds it on a later line.

Everything is integer codes: items `0..n_items-1`, baskets `0..n_baskets-1`, `-1` for 'none'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
NONE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class PageViews:
    """Page views as three columns of the same length P.

    Parameters:
        basket: basket code, [P].
        line: the line being looked at; lines up to and including it are in the basket, [P].
        row: which row of the candidate matrix is offered; `-1` offers nothing, [P].
    """

    basket: Codes
    line: Codes
    row: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page views showed, in rank order from the left, padded with `-1`.

    Parameters:
        item: shown item, [P, k].
        rank_in_list: its column in the candidate matrix, from 0, [P, k].
        clicked: whether the basket holds it on a later line; False on padding, [P, k].
    """

    item: Codes
    rank_in_list: Codes
    clicked: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketIndex:
    """The first line of every (basket, item), as sorted keys `basket * n_items + item`.

    Example:
        >>> index = BasketIndex.of([0, 0, 0], [7, 8, 7], [0, 1, 2], n_items=9)
        >>> index.first_line(np.array([0, 0, 0]), np.array([7, 8, 1])).tolist()
        [0, 1, -1]
    """

    keys: Codes
    lines: Codes
    order_keys: Codes
    n_items: int
    stride: int

    @classmethod
    def of(cls, basket: Any, item: Any, line: Any, *, n_items: int) -> BasketIndex:
        """Build the index from all lines of all baskets, in any order.

        An item that a basket holds twice counts from its first line.

        Parameters:
            basket, item, line: integer arrays of one length; lines count from 0 in each basket.
            n_items: number of item codes; candidates are below it too.
        """
        baskets, items, lines = (np.asarray(x, dtype=np.int64) for x in (basket, item, line))
        if items.size and items.max() >= n_items:
            raise ValueError(f"item code {items.max()} is not below n_items={n_items}")
        keys = baskets * n_items + items
        order = np.lexsort((lines, keys))
        keys, first = np.unique(keys[order], return_index=True)
        first_lines = lines[order][first]
        stride = int(lines.max()) + 2 if lines.size else 1
        order_keys = np.sort(keys // n_items * stride + first_lines)
        return cls(
            keys=keys, lines=first_lines, order_keys=order_keys, n_items=n_items, stride=stride
        )

    def first_line(self, basket: Codes, item: Codes) -> Codes:
        """Return the first line of each (basket, item), `-1` where the basket lacks the item."""
        if not self.keys.size:
            return np.full(np.shape(item), NONE, dtype=np.int64)
        wanted = basket * self.n_items + item
        at = np.minimum(np.searchsorted(self.keys, wanted), self.keys.size - 1)
        return np.where(self.keys[at] == wanted, self.lines[at], NONE)

    def relevant_count(self, views: PageViews) -> Codes:
        """Return how many distinct items each page view's basket gains after its line, [P].

        These are all the clicks there could be: the length of NDCG's ideal list is
        `min(k, relevant_count)`.
        """
        line = np.minimum(views.line, self.stride - 1)
        after = np.searchsorted(self.order_keys, views.basket * self.stride + line, side="right")
        return np.searchsorted(self.order_keys, (views.basket + 1) * self.stride) - after


def show(index: BasketIndex, views: PageViews, candidates: Any, k: int) -> Shown:
    """Return the first k candidates of each page view that its basket does not hold yet.

    A candidate is left out when its first line in the basket is at or before the page view's line;
    a shown item is clicked when its first line is after it.

    Parameters:
        index: the baskets.
        views: the page views; `views.row` picks the row of `candidates`.
        candidates: item codes in rank order without repeats, padded with `-1` anywhere, [R, K].
        k: how many items a page view shows at most.

    Raises:
        ValueError: a candidate is not below `index.n_items`.

    Example:
        >>> index = BasketIndex.of([0, 0, 0], [0, 1, 2], [0, 1, 2], n_items=4)
        >>> views = PageViews(basket=np.array([0]), line=np.array([1]), row=np.array([0]))
        >>> shown = show(index, views, np.array([[0, 3, 2]]), k=2)
        >>> shown.item.tolist(), shown.clicked.tolist()
        ([[3, 2]], [[False, True]])
    """
    lists = np.asarray(candidates, dtype=np.int64)
    if lists.size and lists.max() >= index.n_items:
        raise ValueError(f"candidate {lists.max()} is not below n_items={index.n_items}")
    count = views.basket.size
    item = np.full((count, k), NONE, dtype=np.int64)
    rank = np.full((count, k), NONE, dtype=np.int64)
    clicked = np.zeros((count, k), dtype=np.bool_)
    filled = np.zeros(count, dtype=np.int64)
    open_views = np.flatnonzero(views.row >= 0)
    for column in range(lists.shape[1]):  # most page views are full after k or k + 1 columns
        offered = lists[views.row[open_views], column]
        first = index.first_line(views.basket[open_views], offered)
        first[offered < 0] = NONE
        later = first > views.line[open_views]
        fits = (offered >= 0) & ((first < 0) | later)
        at, slot = open_views[fits], filled[open_views[fits]]
        item[at, slot], rank[at, slot], clicked[at, slot] = offered[fits], column, later[fits]
        filled[at] += 1
        open_views = open_views[filled[open_views] < k]
        if not open_views.size:
            break
    return Shown(item=item, rank_in_list=rank, clicked=clicked)
