"""The smoke test refuses a set that a shop could not serve."""

from __future__ import annotations

import polars as pl
import pytest
from made_releases import AS_OF, popular, recommendations

from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import PublishRefused
from evergreen.release.smoke import smoke_test

FIRST = pl.int_range(pl.len()) == 0


def changed(column: str, value: object) -> pl.DataFrame:
    frame = recommendations(1)
    new = pl.when(FIRST).then(pl.lit(value)).otherwise(column)
    return frame.with_columns(new.cast(frame.schema[column]).alias(column))


def test_a_whole_set_passes(spec: ModelSpec, published: Published) -> None:
    published.write(1, recommendations(1), popular(1), as_of=AS_OF)
    published.flip(1, 1)
    smoke_test(spec, version=1, published=published)


def test_current_names_another_version(spec: ModelSpec, published: Published) -> None:
    with pytest.raises(PublishRefused, match="CURRENT names nothing, not version 1"):
        smoke_test(spec, version=1, published=published)
    published.write(1, recommendations(1), popular(1), as_of=AS_OF)
    published.flip(1, 1)
    with pytest.raises(PublishRefused, match="CURRENT names version 1, not version 2"):
        smoke_test(spec, version=2, published=published)


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        (recommendations(1).clear(), "recommendations is empty"),
        (changed("score", float("nan")), "a score is not a finite number in 1 of 100 rows"),
        (changed("score", None), "a score is not a finite number in 1 of 100 rows"),
        (changed("rank", 2), "ranks do not count 1, 2, 3, … in 1 of 100 rows"),
        (changed("rank", 0), "ranks do not count"),
        (changed("item_id", "v1-2"), "an item comes twice in 2 of 100 rows"),
        (changed("item_id", "c0"), "an item recommends itself in 1 of 100 rows, first .*'c0'"),
    ],
)
def test_lists_that_cannot_be_served(
    spec: ModelSpec, published: Published, lists: pl.DataFrame, words: str
) -> None:
    published.write(1, lists, popular(1), as_of=AS_OF)
    published.flip(1, 1)
    with pytest.raises(PublishRefused, match=words):
        smoke_test(spec, version=1, published=published)


def test_no_popular_items(spec: ModelSpec, published: Published) -> None:
    published.write(1, recommendations(1), popular(1).clear(), as_of=AS_OF)
    published.flip(1, 1)
    with pytest.raises(PublishRefused, match="popular is empty, so the shop would show nothing"):
        smoke_test(spec, version=1, published=published)
