"""The smoke test refuses a set that a shop could not serve."""

from __future__ import annotations

import numpy as np
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
        (changed("score", 0.5), "a score is above the one of the rank before in 1 of 100 rows"),
        (changed("score", 1.5), "a score is no probability in 1 of 100 rows"),
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


def scored(version: int, score: float) -> pl.DataFrame:
    return recommendations(version).with_columns(score=pl.lit(score, pl.Float32))


def test_lists_that_another_model_scored(spec: ModelSpec, published: Published) -> None:
    """The registered model gives 0.25 for every row but one of the first list."""
    published.write(1, scored(1, 0.25), popular(1), as_of=AS_OF)
    published.flip(1, 1)
    seen: list[int] = []

    def rescore(served: pl.DataFrame) -> np.ndarray:
        seen.append(served.height)
        return np.where(served["item_id"].to_numpy() == "v1-2", 0.26, 0.25)[: served.height]

    smoke_test(spec, version=1, published=published, rescore=lambda f: np.full(f.height, 0.25))
    with pytest.raises(
        PublishRefused,
        match=r"the registered model gives another score in 50 of 100 rows, first .*'expected'",
    ):
        smoke_test(spec, version=1, published=published, rescore=rescore)
    assert seen == [100]  # fifty lists of two


def test_a_set_that_was_cut_short(spec: ModelSpec, published: Published) -> None:
    published.write(1, scored(1, 0.25), popular(1), as_of=AS_OF)
    half = scored(2, 0.25).head(50)
    published.write(2, half, popular(1), as_of=AS_OF)
    published.write(3, half.head(48), popular(1), as_of=AS_OF)
    published.flip(2, 2)
    smoke_test(spec, version=2, published=published, before=1)
    published.flip(3, 3)
    smoke_test(spec, version=3, published=published, before=None)
    smoke_test(spec, version=3, published=published, before=9)  # its set is gone
    with pytest.raises(PublishRefused, match="holds 24 lists, version 1 held 50: at least 50%"):
        smoke_test(spec, version=3, published=published, before=1)
