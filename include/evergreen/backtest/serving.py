"""What a set of lists would have shown on the real baskets of some hours, and what was clicked.

The rule is `domain.serving`'s, the storefront's own. A click counts where the basket got the item
before the view's label was due, so that an order that goes on for hours tells nothing too early.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from evergreen.adapters.lists import RankedLists
from evergreen.backtest.history import EPOCH, US, Codes, History
from evergreen.domain.serving import BasketIndex, PageViews, Shown, show
from evergreen.domain.windows import HOUR, Window
from evergreen.storefront.impressions import SHOWN
from evergreen.trainer.holdout import Offered

CHUNK = timedelta(days=1)
HOUR_US = HOUR // US


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The page views of a window as they were served.

    Parameters:
        hour: which hour of the window each page view lies in, [P].
        shown: what each showed.
        entry: row of the lists' table behind each shown item, [P, k]; 0 on padding.
    """

    hour: np.ndarray
    shown: Shown
    entry: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCounts:
    """What each hour of a window held, [H] each."""

    page_views: np.ndarray
    impressions: np.ndarray
    clicks: np.ndarray
    fallback: np.ndarray


class Shelf:
    """A set of lists over the history's items."""

    def __init__(self, offered: Offered, history: History) -> None:
        items = history.codes.items  # lists hold items of earlier orders, and so of these
        self.lists = RankedLists.of(offered.recommendations, offered.popular, items)
        self.fallback = (self.lists.table["source"] == "fallback").to_numpy()

    def serve(self, history: History, window: Window, attribution: timedelta) -> Iterator[Served]:
        """Yield the page views of a window, a day at a time.

        Parameters:
            attribution: how long after its hour's end a click still counts.
        """
        start = window.start
        while start < window.end:
            end = min(start + CHUNK, window.end)
            served = self._serve(history, Window(start, end), window.start, attribution)
            if served is not None:
                yield served
            start = end

    def _serve(
        self, history: History, chunk: Window, first: datetime, attribution: timedelta
    ) -> Served | None:
        codes, rows = history.codes, history.rows(chunk.start, chunk.end)
        if rows.start == rows.stop:
            return None
        known = _lines_of_baskets(codes, rows, history.rows(chunk.start, chunk.end + attribution))
        index = BasketIndex.of(
            codes.basket[known], codes.item[known], codes.line[known], n_items=len(codes.items)
        )
        views = PageViews(
            basket=codes.basket[rows],
            line=codes.line[rows],
            row=self.lists.row_of_item[codes.item[rows]],
        )
        shown = show(index, views, self.lists.matrix, SHOWN)
        hour = codes.time_us[rows] // HOUR_US
        due = (hour + 1) * HOUR_US + attribution // US
        clicked = shown.clicked & (_bought_at(codes, known, views, shown) < due[:, None])
        entry = self.lists.entries[views.row[:, None], np.maximum(shown.rank_in_list, 0)]
        return Served(
            hour=hour - (first - EPOCH) // HOUR,
            shown=Shown(item=shown.item, rank_in_list=shown.rank_in_list, clicked=clicked),
            entry=np.where(shown.item >= 0, entry, 0),
        )

    def counts(self, history: History, window: Window, attribution: timedelta) -> HourCounts:
        """Return what each hour of a window would have held."""
        hours = window.length // HOUR
        total = np.zeros((4, hours), dtype=np.int64)
        for served in self.serve(history, window, attribution):
            there = served.shown.item >= 0
            per_view = (
                there.any(axis=1),
                there.sum(axis=1),
                served.shown.clicked.sum(axis=1),
                (there & self.fallback[served.entry]).sum(axis=1),
            )
            for at, values in enumerate(per_view):
                np.add.at(total[at], served.hour, values)
        return HourCounts(
            page_views=total[0], impressions=total[1], clicks=total[2], fallback=total[3]
        )


def _lines_of_baskets(codes: Codes, rows: slice, until: slice) -> np.ndarray:
    """Return the lines before the chunk's last label is due of the baskets that it looks at."""
    wanted = np.zeros(int(codes.basket.max()) + 1, dtype=bool)
    wanted[codes.basket[rows]] = True
    return np.flatnonzero(wanted[codes.basket[: until.stop]])


def _bought_at(codes: Codes, known: np.ndarray, views: PageViews, shown: Shown) -> np.ndarray:
    """Return when each shown item's first line in its basket was written, [P, k]."""
    items = len(codes.items)
    keys = codes.basket[known] * items + codes.item[known]
    order = np.lexsort((codes.line[known], keys))
    distinct, first = np.unique(keys[order], return_index=True)
    times = codes.time_us[known][order][first]
    wanted = views.basket[:, None] * items + np.maximum(shown.item, 0)
    at = np.minimum(np.searchsorted(distinct, wanted), distinct.size - 1)
    return np.asarray(times[at])  # of items that the basket never gets: unused
