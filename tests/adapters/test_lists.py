"""Published lists as integer codes, on lists small enough to do by hand."""

from __future__ import annotations

import polars as pl
import pytest

from evergreen.adapters.lists import POPULAR_DEPTH, RankedLists, catalogue, codes_of

ITEMS = pl.Series(["a", "b", "c", "d", "e"])


def recommendations(*rows: tuple[str, str, int, float]) -> pl.DataFrame:
    names = ["context_item_id", "item_id", "rank", "score"]
    types = {"context_item_id": pl.String, "item_id": pl.String, "rank": pl.Int16}
    frame = pl.DataFrame(rows, schema=names, orient="row", schema_overrides=types)
    return frame.cast({"score": pl.Float32}).with_columns(price=pl.col("rank").cast(pl.Float32))


def popular(*items: str) -> pl.DataFrame:
    ranks = range(1, len(items) + 1)
    body = {"item_id": list(items), "rank": list(ranks), "score": [1 / r for r in ranks]}
    types = {"item_id": pl.String, "rank": pl.Int16, "score": pl.Float32}
    return pl.DataFrame(body, schema=types)


def test_own_items_first_then_popular_ones_not_listed_yet() -> None:
    lists = RankedLists.of(
        recommendations(("c", "a", 2, 0.1), ("a", "b", 1, 0.9), ("c", "b", 1, 0.8)),
        popular("b", "e", "a"),
        ITEMS,
    )
    a, b, e = 0, 1, 4
    assert lists.matrix.tolist() == [
        [b, -1, -1, e, a],  # of a; it may list its own context: `show` leaves out the basket
        [b, a, -1, e, -1],  # of c
        [-1, -1, b, e, a],  # of everything else
    ]
    assert lists.row_of_item.tolist() == [0, 2, 1, 2, 2]


def test_entries_find_score_source_and_features() -> None:
    lists = RankedLists.of(
        recommendations(("c", "a", 2, 0.25), ("c", "b", 1, 0.5)), popular("e"), ITEMS
    )
    row = lists.row_of_item[2]
    served = lists.table[lists.entries[row]]
    assert served["source"].to_list() == ["model", "model", "fallback"]
    assert served["score"].to_list() == [0.5, 0.25, 1.0]
    assert served["price"].to_list() == [1.0, 2.0, None]
    assert set(served.columns) == {"score", "source", "price"}


def test_a_set_without_recommendations_is_popularity() -> None:
    lists = RankedLists.of(recommendations(), popular("b", "a"), ITEMS)
    assert lists.matrix.tolist() == [[1, 0]]
    assert lists.row_of_item.tolist() == [0] * 5


def test_a_set_without_anything_offers_nothing() -> None:
    lists = RankedLists.of(recommendations(), popular(), ITEMS)
    assert lists.matrix.shape == (1, 0)


def test_the_popular_list_is_cut() -> None:
    items = [f"i{n:03}" for n in range(POPULAR_DEPTH + 7)]
    lists = RankedLists.of(recommendations(), popular(*items), pl.Series(items))
    assert lists.matrix.shape == (1, POPULAR_DEPTH)


def test_the_catalogue_is_every_item_once() -> None:
    parts = [pl.Series(["b", "a"]), pl.Series("other", ["c", "b"])]
    items = catalogue(parts)
    assert items.to_list() == ["a", "b", "c"]
    assert codes_of(pl.Series(["c", "a"]), items).tolist() == [2, 0]
    assert codes_of(pl.Series([], dtype=pl.String), items).tolist() == []


def test_an_item_outside_the_catalogue() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError):
        codes_of(pl.Series(["z"]), ITEMS)
