"""The smoke test: reads a published set the way a shop would."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import PublishRefused

Rescore = Callable[[pl.DataFrame], NDArray[np.floating]]
"""From the features as served, a row a candidate, to the scores that the registered model gives."""
SAMPLE_LISTS = 50
SEED = 7
TOLERANCE = 1e-5
"""Of a score, absolute: another machine's sums of trees differ in the last digits of a float32."""
MIN_LISTS_SHARE = 0.5
"""Of the lists that the set before holds: fewer is no catalogue, but a set that was cut short."""


def smoke_test(
    spec: ModelSpec,
    *,
    version: int,
    published: Published,
    rescore: Rescore | None = None,
    before: int | None = None,
) -> None:
    """Raise unless `CURRENT` names the version and its set can be served.

    It is read as a shop reads it. Every list needs finite scores, falling with the rank, ranks from
    1 without gaps, no item twice and not the item itself; a score of the recommendations is a
    probability; neither table may be empty, and there may not be far fewer lists than before. A
    seeded sample of lists is scored again by the registered model and must give the same scores.

    Args:
        spec: the model.
        version: the one that was just put in force.
        published: where its set lies.
        rescore: the registered model of this very version; None leaves that out.
        before: the version that was in force before; None: there was none.

    Raises:
        PublishRefused: the text names the table, the rule and the first row that breaks it.
    """
    current = published.current()
    if current is None or current.version != version:
        found = "nothing" if current is None else f"version {current.version}"
        raise PublishRefused(
            f"{spec.model}: CURRENT names {found}, not version {version}; run `evergreen release "
            "reconcile`, or look in `evergreen release history` who came in between"
        )
    published.verify(version)
    where = f"{spec.model} version {version}"
    lists, popular = published.recommendations(version), published.popular(version)
    _refuse(where, "recommendations", "an item recommends itself", lists, _ITSELF)
    _test_list(where, "recommendations", lists, ["context_item_id"])
    _test_list(where, "popular", popular, [])
    outside = ~pl.col("score").is_between(0, 1)
    _refuse(where, "recommendations", "a score is no probability", lists, outside)
    if before is not None and published.has(before):
        _test_complete(where, lists, before, published)
    if rescore is not None:
        _test_scores(where, lists, rescore)


def _test_complete(where: str, lists: pl.DataFrame, before: int, published: Published) -> None:
    held = published.recommendations(before)["context_item_id"].n_unique()
    found = lists["context_item_id"].n_unique()
    if found < MIN_LISTS_SHARE * held:
        raise PublishRefused(
            f"{where}: recommendations holds {found:,} lists, version {before} held {held:,}: at "
            f"least {MIN_LISTS_SHARE:.0%} of them are expected"
        )


def _test_scores(where: str, lists: pl.DataFrame, rescore: Rescore) -> None:
    """Refuse lists that another model scored."""
    contexts = lists["context_item_id"].unique().sort()
    drawn = np.random.default_rng(SEED).permutation(len(contexts))[:SAMPLE_LISTS]
    sample = lists.filter(pl.col("context_item_id").is_in(contexts[drawn.tolist()].implode()))
    said = sample.with_columns(expected=pl.Series(rescore(sample), dtype=pl.Float32))
    other = (pl.col("score") - pl.col("expected")).abs() > TOLERANCE
    _refuse(where, "recommendations", "the registered model gives another score", said, other)


_ITSELF = pl.col("context_item_id") == pl.col("item_id")


def _test_list(where: str, table: str, frame: pl.DataFrame, keys: list[str]) -> None:
    if frame.is_empty():
        raise PublishRefused(f"{where}: {table} is empty, so the shop would show nothing")
    finite, counted = pl.col("score").is_finite(), pl.col("rank").rank("ordinal")
    gap = (counted.over(keys) if keys else counted) != pl.col("rank")
    step = pl.col("score").diff().fill_null(0)
    rising = (step.over(keys, order_by="rank") if keys else step) > 0
    _refuse(where, table, "a score is not a finite number", frame, ~finite)
    _refuse(where, table, "an item comes twice", frame, pl.struct(*keys, "item_id").is_duplicated())
    _refuse(where, table, "ranks do not count 1, 2, 3, …", frame, gap)
    _refuse(where, table, "a score is above the one of the rank before", frame, rising)


def _refuse(where: str, table: str, rule: str, frame: pl.DataFrame, bad: pl.Expr) -> None:
    """Raise when a row is bad; a null is."""
    broken = frame.filter(bad.fill_null(value=True))
    if not broken.is_empty():
        wanted = ("context_item_id", "item_id", "rank", "score", "expected")
        names = [n for n in wanted if n in frame.columns]
        row = broken.select(names).row(0, named=True)
        raise PublishRefused(
            f"{where}: {table}: {rule} in {broken.height:,} of {frame.height:,} rows, first {row}"
        )
