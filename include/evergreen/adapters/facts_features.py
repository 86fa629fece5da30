"""Facts of every feature, by hour and of the day, against the profile of the champion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from evergreen.adapters.engine_numbers import as_float32
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.profile import ColumnProfile

MIN_ROWS = 500
"""Rows that the model served, at least, for a feature to be judged in a scope; what is infinite is
counted of any number: one such value is damage, and the hour that has it is to be named."""
MIN_OTHERS = 30
"""Rows outside of the fullest bin, at least, that the reference leads to expect, for one value to
be a surprise: a rare purchase may well not happen on a day. None of 30 has a chance of 1e-13, and
of a tenth as many, where rows come in groups, 5 %."""
FEATURE_FACTS: dict[str, pl.DataType] = {
    "scope": pl.String(),
    "subject": pl.String(),
    "rows": pl.Int64(),
    "missing_share": pl.Float64(),
    "missing_excess": pl.Float64(),
    "infinite": pl.Int64(),
    "outside_excess": pl.Float64(),
    "constant": pl.Boolean(),
    "unknown_levels": pl.Float64(),
    "auc": pl.Float64(),
    "skew": pl.Float64(),
}


@dataclass(slots=True, kw_only=True)
class FeatureTally:
    """Counts of one feature over own rows.

    Parameters:
        present: rows that are neither null nor NaN.
        outside: of these, in the profile's first or last bin; of a category, in `other`.
        low, high: the smallest and largest value; None where nothing is present.
    """

    rows: int = 0
    present: int = 0
    infinite: int = 0
    outside: int = 0
    low: Any = None
    high: Any = None

    def add(self, other: FeatureTally) -> None:
        """Add the counts of other rows."""
        self.rows += other.rows
        self.present += other.present
        self.infinite += other.infinite
        self.outside += other.outside
        self.low = min((v for v in (self.low, other.low) if v is not None), default=None)
        self.high = max((v for v in (self.high, other.high) if v is not None), default=None)


def total_of(tallies: Iterable[Mapping[str, FeatureTally]]) -> dict[str, FeatureTally]:
    """Return the counts of several hours together."""
    totals: dict[str, FeatureTally] = {}
    for tally in tallies:
        for name, counts in tally.items():
            totals.setdefault(name, FeatureTally()).add(counts)
    return totals


def feature_type(bins: Bins) -> pl.DataType:
    """Return the type that a feature is counted as."""
    return pl.Float32() if isinstance(bins, NumericBins) else pl.String()


def count_features(
    rows: pl.DataFrame, own: pl.Series, features: Mapping[str, Bins]
) -> dict[str, FeatureTally]:
    """Return the counts of each feature over own rows."""
    typed = (rows if own.all() else rows.filter(own)).select(
        as_float32(name, rows.schema[name])
        if isinstance(bins, NumericBins)
        else pl.col(name).cast(pl.String)
        for name, bins in features.items()
    )
    sums = [
        expression.alias(f"{name}|{i}")
        for name, bins in features.items()
        for i, expression in enumerate(_sums(name, bins))
    ]
    found = typed.select(sums).row(0)
    width = len(sums) // len(features)
    return {
        name: _tally(typed, name, *found[i * width : (i + 1) * width])
        for i, name in enumerate(features)
    }


def _sums(name: str, bins: Bins) -> tuple[pl.Expr, ...]:
    column, none = pl.col(name), pl.lit(0)
    if isinstance(bins, LevelBins):
        present, outside = column.count(), none
        if bins.groups:
            outside = present - column.is_in(list(bins.bin_of)).sum()
    else:
        present, outside = column.is_not_nan().sum(), none
        if len(bins.edges) > 1:  # NaN is above every edge to Polars, so that `>` would count it
            first, last = bins.edges[0], bins.edges[-1]
            outside = present - ((column <= last).sum() - (column <= first).sum())
    return present, outside, column.min(), column.max()


def _tally(
    typed: pl.DataFrame, name: str, present: int, outside: int, low: Any, high: Any
) -> FeatureTally:
    column, infinite = typed[name], 0
    if present and column.dtype.is_float() and (low == -float("inf") or high == float("inf")):
        infinite = int(column.is_infinite().sum())
    return FeatureTally(
        rows=typed.height,
        present=present,
        infinite=infinite,
        outside=outside,
        low=low if present else None,  # of nothing but NaN, Polars' extremes are NaN
        high=high if present else None,
    )


def feature_facts(
    tallies: Mapping[str, Mapping[str, FeatureTally]],
    profiles: Mapping[str, ColumnProfile],
    areas: Mapping[str, Mapping[str, float]],
    skews: Mapping[str, Mapping[str, float]],
) -> pl.DataFrame:
    """Return a row for every scope and feature with enough rows, or with infinite values.

    Parameters:
        tallies: scope to the counts of each feature.
        profiles: what is expected of features; empty without a profile.
        areas: scope to each feature's area under the ROC curve, where it is known.
        skews: scope to each feature's share of served values that are not what is recomputed.
    """
    rows = [
        {
            "scope": scope,
            "subject": name,
            **(
                {
                    **_facts(counts, profiles.get(name)),
                    "auc": areas.get(scope, {}).get(name),
                    "skew": skews.get(scope, {}).get(name),
                }
                if counts.rows >= MIN_ROWS
                else {"rows": counts.rows, "infinite": counts.infinite}
            ),
        }
        for scope, features in tallies.items()
        for name, counts in features.items()
        if counts.rows >= MIN_ROWS or counts.infinite
    ]
    return pl.DataFrame(rows, schema=FEATURE_FACTS)


def _facts(counts: FeatureTally, profile: ColumnProfile | None) -> dict[str, Any]:
    missing = 1 - counts.present / counts.rows
    facts: dict[str, Any] = {
        "rows": counts.rows,
        "missing_share": missing,
        "infinite": counts.infinite,
    }
    if profile is None or not sum(profile.counts):
        return facts
    *bins, without = profile.counts
    present = sum(bins)
    facts["missing_excess"] = missing - without / (present + without)
    if present and counts.present * (1 - max(bins) / present) >= MIN_OTHERS:
        facts["constant"] = counts.low == counts.high
    if present and counts.present:
        outside = counts.outside / counts.present
        if isinstance(profile.bins, LevelBins) and profile.bins.groups:
            facts["unknown_levels"] = outside - bins[-1] / present
        elif isinstance(profile.bins, NumericBins) and len(profile.bins.edges) > 1:
            facts["outside_excess"] = outside - (bins[0] + bins[-1]) / present
    return facts
