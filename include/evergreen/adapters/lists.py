"""Published lists and order lines as the integer codes that `domain.serving` works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from evergreen.domain.serving import NONE, Codes

POPULAR_DEPTH = 100
"""How far down the popular list a page is filled: a basket may hold the top of it."""

_NOT_LOGGED = ("context_item_id", "item_id", "rank")


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedLists:
    """What a set of recommendations offers: each context's own list, then popular items behind it.

    Parameters:
        matrix: item codes in rank order, `-1` for none, [R, K]; the last row is popular items only,
            for contexts that the set does not know.
        entries: row of `table` that belongs to each place of the matrix, [R, K].
        table: `score`, `source` (`model` or `fallback`) and the features as served.
        row_of_item: which row of the matrix each item code gets as a context, [n_items].
    """

    matrix: Codes
    entries: Codes
    table: pl.DataFrame
    row_of_item: Codes

    @classmethod
    def of(
        cls, recommendations: pl.DataFrame, popular: pl.DataFrame, items: pl.Series
    ) -> RankedLists:
        """Return the lists of one set.

        Args:
            recommendations: `context_item_id`, `item_id`, `rank`, `score`, features.
            popular: `item_id`, `rank`, `score`.
            items: the catalogue that codes count through; holds every item of the set.
        """
        ranked = recommendations.sort("context_item_id", "rank")
        fallback = popular.sort("rank").head(POPULAR_DEPTH)
        known, row = np.unique(codes_of(ranked["context_item_id"], items), return_inverse=True)
        row_of_item = np.full(items.len(), known.size, dtype=np.int64)  # unknown: the last row
        row_of_item[known] = np.arange(known.size)
        own, own_entries = _own_lists(row, known.size + 1, codes_of(ranked["item_id"], items))
        behind = _behind(own, codes_of(fallback["item_id"], items), items.len())
        popular_entries = ranked.height + np.arange(fallback.height)
        table = pl.concat(
            [
                ranked.drop(_NOT_LOGGED, strict=False).with_columns(source=pl.lit("model")),
                fallback.select("score", source=pl.lit("fallback")),
            ],
            how="diagonal",
        )
        return cls(
            matrix=np.hstack([own, behind]),
            entries=np.hstack([own_entries, np.broadcast_to(popular_entries, behind.shape)]),
            table=table,
            row_of_item=row_of_item,
        )


def catalogue(columns: Sequence[pl.Series]) -> pl.Series:
    """Return every item that any of the columns names, sorted: the meaning of the item codes."""
    return pl.concat([column.alias("item_id") for column in columns]).unique().sort()


def codes_of(values: pl.Series, among: pl.Series) -> Codes:
    """Return each value's place in a catalogue that holds it."""
    return values.cast(pl.Enum(among)).to_physical().cast(pl.Int64).to_numpy()


def _own_lists(row: Codes, rows: int, item: Codes) -> tuple[Codes, Codes]:
    """Return matrix and entries of lists that are given as sorted rows."""
    place = np.arange(row.size) - np.searchsorted(row, row)
    width = int(place.max()) + 1 if row.size else 0
    own = np.full((rows, width), NONE, dtype=np.int64)
    entries = np.zeros_like(own)
    own[row, place], entries[row, place] = item, np.arange(row.size)
    return own, entries


def _behind(own: Codes, popular: Codes, n_items: int) -> Codes:
    """Return the popular items for every row, without those its own list names already.

    A table of rows and popular items: searching sorted keys took three times as long.
    """
    distinct, which = np.unique(popular, return_inverse=True)
    place = np.full(n_items + 1, NONE, dtype=np.int64)  # its last place is what NONE reads
    place[distinct] = np.arange(distinct.size)
    at = place[own]
    rows, _ = known = np.nonzero(at >= 0)
    listed = np.zeros((own.shape[0], distinct.size), dtype=np.bool_)
    listed[rows, at[known]] = True
    return np.where(listed[:, which], NONE, popular)
