"""What the shop can show: a ranked list for every page view, the model's first, popularity behind.

After a release the lists are the published ones. Before the first, the shop ranks by what sold in
the 28 days before the page view's day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import polars as pl

from evergreen.adapters.lists import POPULAR_DEPTH, RankedLists
from evergreen.domain.serving import NONE, Codes

TRAILING_DAYS = 28
"""How far popularity looks back before the first release: four whole weeks."""

NO_VERSION = "none"
_DAY_US = timedelta(days=1) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCodes:
    """The sales log as integers, in time order: one entry a line.

    Parameters:
        time_us: microseconds since 1970, rising, [N].
        basket, item, line: codes and place in the order, [N].
        items: the item that each item code stands for.
    """

    time_us: Codes
    basket: Codes
    item: Codes
    line: Codes
    items: pl.Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Candidate lists for some page views, and what is logged when a candidate is shown.

    Parameters:
        lists: item codes in rank order, `-1` for none, [R, K].
        entries: row of `table` that belongs to each candidate, [R, K].
        table: `score`, `source` and the features as served.
        row: which row of `lists` each page view gets, [P].
        model_version: who made the lists.
    """

    lists: Codes
    entries: Codes
    table: pl.DataFrame
    row: Codes
    model_version: str


class Offers(Protocol):
    """Makes the offer of a slice of the log's lines."""

    def offer(self, log: LogCodes, lines: slice) -> Offer:
        """Return the lists of these page views."""
        ...


class PublishedOffers:
    """The lists of one published set.

    Parameters:
        recommendations, popular: the set's two tables.
        model_version: the set's version.
        items: the catalogue that item codes count through; holds every item of the set.
    """

    def __init__(
        self,
        recommendations: pl.DataFrame,
        popular: pl.DataFrame,
        model_version: str,
        items: pl.Series,
    ) -> None:
        self._version = model_version
        self._lists = RankedLists.of(recommendations, popular, items)

    def offer(self, log: LogCodes, lines: slice) -> Offer:
        """Return the published list of each line's item."""
        return Offer(
            lists=self._lists.matrix,
            entries=self._lists.entries,
            table=self._lists.table,
            row=self._lists.row_of_item[log.item[lines]],
            model_version=self._version,
        )


class TrailingPopularity:
    """Before the first release: the items in most orders of the days before, one list a day.

    The list of a day counts the orders of the `TRAILING_DAYS` before it and nothing of the day
    itself; on the log's first day it is empty, and nothing is shown. Score: share of those orders
    that hold the item. Ties go to the lower item code.
    """

    def offer(self, log: LogCodes, lines: slice) -> Offer:
        """Return each line's list of its day."""
        day = log.time_us[lines] // _DAY_US
        days, row = np.unique(day, return_inverse=True)
        lists = np.full((days.size, POPULAR_DEPTH), NONE, dtype=np.int64)
        scores = np.zeros((days.size, POPULAR_DEPTH))
        for at, today in enumerate(days):
            first, last = np.searchsorted(
                log.time_us, [(today - TRAILING_DAYS) * _DAY_US, today * _DAY_US]
            )
            orders_with = np.bincount(log.item[first:last], minlength=len(log.items))
            best = np.argsort(-orders_with, kind="stable")[:POPULAR_DEPTH]
            best = best[orders_with[best] > 0]
            lists[at, : best.size] = best
            if best.size:
                orders = np.unique(log.basket[first:last]).size
                scores[at, : best.size] = orders_with[best] / orders
        table = pl.DataFrame({"score": scores.ravel().astype(np.float32)})
        return Offer(
            lists=lists,
            entries=np.arange(lists.size).reshape(lists.shape),
            table=table.with_columns(pl.lit("fallback").alias("source")),
            row=row,
            model_version=NO_VERSION,
        )
