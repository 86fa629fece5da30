"""What the shop can show: a ranked list for every page view, the model's first, popularity behind.

After a release the lists are the published ones. Before the first, the shop ranks by what sold in
the 28 days before the page view's day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import polars as pl

from evergreen.domain.serving import NONE, Codes

POPULAR_DEPTH = 100
"""How far down the popular list the shop goes to fill a page: a basket may hold the top of it."""

TRAILING_DAYS = 28
"""How far popularity looks back before the first release: four whole weeks."""

NO_VERSION = "none"
_NOT_FEATURES = ("context_item_id", "item_id", "rank")
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
        ranked = recommendations.sort("context_item_id", "rank")
        fallback = popular.sort("rank").head(POPULAR_DEPTH)
        self._version = model_version
        self._table = pl.concat(
            [
                ranked.drop(_NOT_FEATURES).with_columns(pl.lit("model").alias("source")),
                fallback.select("score", pl.lit("fallback").alias("source")),
            ],
            how="diagonal",
        )
        context = codes_of(ranked["context_item_id"], items)
        known, row = np.unique(context, return_inverse=True)
        self._row_of = np.full(len(items), known.size, dtype=np.int64)  # unknown: the last row
        self._row_of[known] = np.arange(known.size)
        self._lists, self._entries = self._matrix(ranked, fallback, row, items)

    def _matrix(
        self, ranked: pl.DataFrame, fallback: pl.DataFrame, row: Codes, items: pl.Series
    ) -> tuple[Codes, Codes]:
        """Return lists and entries: each context's own list, then what is popular beyond it."""
        rows = int(row.max()) + 2 if row.size else 1
        place = np.arange(row.size) - np.searchsorted(row, row)
        width = int(place.max()) + 1 if row.size else 0
        own = np.full((rows, width), NONE, dtype=np.int64)
        own[row, place] = codes_of(ranked["item_id"], items)
        entries = np.zeros_like(own)
        entries[row, place] = np.arange(row.size)
        popular = np.broadcast_to(codes_of(fallback["item_id"], items), (rows, fallback.height))
        offset = (np.arange(rows) * len(items))[:, None]
        listed = np.isin(popular + offset, (own + offset)[own >= 0])
        behind = ranked.height + np.broadcast_to(np.arange(fallback.height), popular.shape)
        return np.hstack([own, np.where(listed, NONE, popular)]), np.hstack([entries, behind])

    def offer(self, log: LogCodes, lines: slice) -> Offer:
        """Return the published list of each line's item."""
        return Offer(
            lists=self._lists,
            entries=self._entries,
            table=self._table,
            row=self._row_of[log.item[lines]],
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


def catalogue(columns: Sequence[pl.Series]) -> pl.Series:
    """Return every item that any of the columns names, sorted: the meaning of the item codes."""
    return pl.concat([column.alias("item_id") for column in columns]).unique().sort()


def codes_of(items: pl.Series, among: pl.Series) -> Codes:
    """Return each item's place in a catalogue that holds it."""
    return items.cast(pl.Enum(among)).to_physical().cast(pl.Int64).to_numpy()
