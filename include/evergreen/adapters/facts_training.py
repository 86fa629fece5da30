"""Facts of the rows that a model is trained on: one of all of them, one of each feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from evergreen.adapters.facts_features import (
    FEATURE_FACTS,
    FeatureTally,
    count_features,
    feature_facts,
    feature_type,
    total_of,
)
from evergreen.adapters.facts_sample import HourSample, areas, scattered
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.bins import Bins, NumericBins
from evergreen.domain.profile import ReferenceProfile

BATCH_ROWS = 200_000
TRAINING_FACTS: dict[str, pl.DataType] = {
    name: FEATURE_FACTS[name]
    for name in (
        *("scope", "subject", "rows"),
        *("missing_share", "missing_excess", "infinite", "constant", "auc"),
    )
} | {"positives": pl.Float64()}


def training_facts(
    paths: Sequence[Path], spec: ModelSpec, profile: ReferenceProfile | None, *, scope: str
) -> pl.DataFrame:
    """Return the facts of the rows in some local Parquet files, read a batch at a time.

    Parameters:
        paths: files with `label` (0 or 1) and the spec's numbers; categories cannot be trained on.
        profile: of the champion; None or one without columns: nothing is compared.
        scope: what the rows are called, such as their run key.

    Returns:
        A row for all of it, with `rows` and the share of `positives`, and one a feature.
    """
    bins: dict[str, Bins] = {name: NumericBins(edges=()) for name in spec.features.numeric}
    types = {name: feature_type(of) for name, of in bins.items()}
    rows = sum(pl.scan_parquet(path).select(pl.len()).collect().item() for path in paths)
    sample = HourSample(rows, rows, types)
    tallies: list[dict[str, FeatureTally]] = []
    positives, first = 0, 0
    for batch in _batches(paths, [*bins]):
        place, clicked = scattered(first, batch.height), batch["label"] > 0
        every = pl.repeat(value=True, n=batch.height, eager=True)
        tallies.append(count_features(batch, every, bins))
        positives, first = positives + int(clicked.sum()), first + batch.height
        few = batch.with_columns(place, clicked.alias("clicked"), own=True)
        sample.add(few.filter(sample.chosen(place, clicked)))
    whole = {
        "scope": scope,
        "subject": "",
        "rows": rows,
        "positives": positives / rows if rows else None,
    }
    of_features = feature_facts(
        {scope: total_of(tallies)},
        profile.columns if profile else {},
        {scope: areas(sample.rows(), rows, types)},
        {},
    )
    all_rows = pl.DataFrame([whole], schema=TRAINING_FACTS)
    return pl.concat([all_rows, of_features], how="diagonal").select(*TRAINING_FACTS)


def _batches(paths: Sequence[Path], features: Sequence[str]) -> Iterator[pl.DataFrame]:
    for path in paths:
        lazy = pl.scan_parquet(path).select("label", *features)
        start = 0
        while (batch := lazy.slice(start, BATCH_ROWS).collect()).height:
            yield batch
            start += batch.height
