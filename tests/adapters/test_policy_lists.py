"""Policies from files and from lists."""

from __future__ import annotations

import polars as pl

from evergreen.adapters.policies import policy_of_lists


def lists(*rows: tuple[str, str, int]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["context_item_id", "item_id", "rank"], orient="row")
    return frame.with_columns(pl.col("rank").cast(pl.Int16), score=pl.lit(0.5, pl.Float32))


def test_popular_items_fill_short_pages_and_unknown_contexts() -> None:
    recommendations = lists(("a", "z", 2), ("a", "y", 1), ("b", "x", 1))
    popular = lists(("", "b", 1), ("", "y", 2), ("", "p", 3)).drop("context_item_id")
    policy = policy_of_lists(recommendations, popular, 3)
    pages: dict[str | None, list[str]] = {}
    for context, item, position, probability in policy.iter_rows():
        pages.setdefault(context, []).append(item)
        assert (position, probability) == (len(pages[context]), 1.0)
    # an item is not shown beside itself (b), and not twice (y)
    assert pages == {"a": ["y", "z", "b"], "b": ["x", "y", "p"], None: ["b", "y", "p"]}


def test_a_page_ends_where_there_is_nothing_left_to_show() -> None:
    recommendations = lists(("a", "y", 1))
    popular = lists(("", "a", 1)).drop("context_item_id")
    policy = policy_of_lists(recommendations, popular, 5)
    assert policy.rows() == [("a", "y", 1, 1.0), (None, "a", 1, 1.0)]
