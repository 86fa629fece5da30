"""A bounded sample of an hour's impressions: the same rows every time, clicked ones more often.

Clicked rows are rare and decide on how sure an area under a ROC curve is; the area itself does not
depend on their share. So they are kept ten times as often, and left out again where a plain sample
is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from evergreen.adapters.engine_numbers import as_float32
from evergreen.adapters.engine_sample import SCATTER, SPAN
from evergreen.adapters.lake_tables import IMPRESSIONS
from evergreen.domain.leakage import auc

OF_EACH_LABEL = 2_500
"""Rows of each label that a feature's area is computed on, at most."""
CLICKED_WEIGHT = 10
KEPT_OF_HOUR = 1_000
"""Rows of an hour, about, that are kept to be recomputed."""
KEPT_OF_DAY = 10_000
"""Rows of a day, at most, that people's own row-level suite sees."""
PLACE = "__place"
"""Column of the rows' scattered positions, 0 to 2**32: below a share of it lies that share."""


class HourSample:
    """The sampled rows of one hour, canonical columns and features, while its files are read.

    Args:
        rows: The hour's rows, as far as known.
        day_rows: Those of its day.
        features: Feature columns and their types; one that a file lacks is null.
    """

    def __init__(self, rows: int, day_rows: int, features: Mapping[str, pl.DataType]) -> None:
        self._taken = _share(OF_EACH_LABEL, rows)
        self._kept = min(1.0, max(_share(KEPT_OF_HOUR, rows), _share(KEPT_OF_DAY, day_rows)))
        self._schema = sample_schema(features)
        self._parts: list[pl.DataFrame] = []

    def chosen(self, place: pl.Series, clicked: pl.Series) -> pl.Series:
        """Return which rows with these scattered positions are sampled."""
        share = max(self._taken, self._kept)
        often = clicked.fill_null(value=False) & (place < SPAN * share * CLICKED_WEIGHT)
        return often | (place < SPAN * share)

    def add(self, few: pl.DataFrame) -> None:
        """Add chosen rows, with `own` and `PLACE`, in any types of the contract's kinds."""
        there = few.schema
        self._parts.append(
            few.select(
                (_typed(name, there[name], held) if name in there else pl.lit(None))
                .cast(held, strict=False)
                .alias(name)
                for name, held in self._schema.items()
            )
        )

    def rows(self) -> pl.DataFrame:
        """Return all that was sampled."""
        return pl.concat([pl.DataFrame(schema=self._schema), *self._parts])

    def kept(self) -> pl.DataFrame:
        """Return what is kept of the hour until its day has been read."""
        return _below(self.rows(), self._kept)


def sample_schema(features: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """Return the columns of a sample."""
    contract = {**IMPRESSIONS.required, **IMPRESSIONS.optional}
    return {**contract, **features, "own": pl.Boolean(), PLACE: pl.UInt32()}


def scattered(first: int, rows: int) -> pl.Series:
    """Return where each of the rows from `first` on lies among all, as if shuffled."""
    at = np.arange(first, first + rows, dtype=np.uint32)
    return pl.Series(PLACE, at * np.uint32(SCATTER))  # wraps at `SPAN`, which is 2**32


def plain(sample: pl.DataFrame, rows: int, of: int) -> pl.DataFrame:
    """Return at most `rows` of the sampled rows, as a plain sample of so many has them."""
    return sample.filter(pl.col(PLACE) < SPAN * _share(rows, of)).head(rows)


def areas(sample: pl.DataFrame, rows: int, features: Mapping[str, pl.DataType]) -> dict[str, float]:
    """Return each number's area under the ROC curve against `clicked`, 0.5 to 1.

    Parameters:
        sample: sampled rows of a scope.
        rows: all the rows of that scope.

    Returns:
        Feature to area, over own rows with a label; without features that have too few.
    """
    numbers = [name for name, held in features.items() if held.is_float()]
    labelled = sample.filter(pl.col("own") & pl.col("clicked").is_not_null())
    few = _below(labelled.select("clicked", PLACE, *numbers), _share(OF_EACH_LABEL, rows))
    few = few.sort(PLACE).fill_null(float("nan"))
    few = pl.concat(part.head(OF_EACH_LABEL) for part in _by_label(few))
    labels = few["clicked"].to_numpy()
    found = {name: auc(few[name].to_numpy(), labels) for name in numbers}
    return {name: area for name, area in found.items() if area is not None}


def _by_label(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return rows.filter(pl.col("clicked")), rows.filter(~pl.col("clicked"))


def _below(rows: pl.DataFrame, share: float) -> pl.DataFrame:
    weight = pl.when(pl.col("clicked").fill_null(value=False)).then(CLICKED_WEIGHT).otherwise(1)
    return rows.filter(pl.col(PLACE) < SPAN * share * weight)


def _share(rows: int, of: int) -> float:
    return min(1.0, rows / max(of, 1))


def _typed(name: str, held: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    return as_float32(name, held) if wanted == pl.Float32 else pl.col(name)
