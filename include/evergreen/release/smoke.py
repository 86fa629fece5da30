"""The smoke test: reads a published set the way a shop would."""

from __future__ import annotations

import polars as pl

from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import PublishRefused


def smoke_test(spec: ModelSpec, *, version: int, published: Published) -> None:
    """Raise unless `CURRENT` names the version and its set can be served.

    Every list needs finite scores, ranks from 1 without gaps, no item twice and not the item
    itself; neither table may be empty.

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


_ITSELF = pl.col("context_item_id") == pl.col("item_id")


def _test_list(where: str, table: str, frame: pl.DataFrame, keys: list[str]) -> None:
    if frame.is_empty():
        raise PublishRefused(f"{where}: {table} is empty, so the shop would show nothing")
    finite, counted = pl.col("score").is_finite(), pl.col("rank").rank("ordinal")
    gap = (counted.over(keys) if keys else counted) != pl.col("rank")
    _refuse(where, table, "a score is not a finite number", frame, ~finite)
    _refuse(where, table, "an item comes twice", frame, pl.struct(*keys, "item_id").is_duplicated())
    _refuse(where, table, "ranks do not count 1, 2, 3, …", frame, gap)


def _refuse(where: str, table: str, rule: str, frame: pl.DataFrame, bad: pl.Expr) -> None:
    """Raise when a row is bad; a null is."""
    broken = frame.filter(bad.fill_null(value=True))
    if not broken.is_empty():
        names = [n for n in ("context_item_id", "item_id", "rank", "score") if n in frame.columns]
        row = broken.select(names).row(0, named=True)
        raise PublishRefused(
            f"{where}: {table}: {rule} in {broken.height:,} of {frame.height:,} rows, first {row}"
        )
