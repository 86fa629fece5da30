"""Which columns that the contract does not know can be features; of the others, why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.domain.windows import Window
from evergreen.onboarding.lake_seen import TableSeen

MOST_LEVELS = 1_000
"""A text column with more levels in one hour tells rows apart, not kinds."""
MOST_OWN_LEVELS = 0.5
"""The same of one in which more than this share of the rows has a value of its own, 0 to 1."""
ENOUGH_ROWS = 50
"""With fewer rows in the hour the share says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureColumns:
    """The columns that are proposed as features, in the file's order.

    Parameters:
        left_out: name to why.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    left_out: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Numeric, then categorical."""
        return self.numeric + self.categorical


def split_features(
    lake: Lake, seen: TableSeen, candidates: Mapping[str, pl.DataType]
) -> FeatureColumns:
    """Return which columns are numbers, which are levels, and which are neither.

    Args:
        lake: To read the text columns of one hour.
        seen: The impressions.
        candidates: Own names and types that the contract does not know.
    """
    texts = [name for name, kind in candidates.items() if _is_text(kind)]
    levels: dict[str, int] = {}
    rows = 0
    if texts and seen.schema_hour is not None:
        hour = lake.read("impressions", Window.of_hour(seen.schema_hour), texts)
        levels, rows = {name: hour[name].n_unique() for name in texts}, hour.height
    numeric, categorical, left_out = [], [], {}
    for name, kind in candidates.items():
        if name in levels:
            why = _id_like(name, levels[name], rows)
            if why:
                left_out[name] = why
            else:
                categorical.append(name)
        elif kind.is_numeric():
            numeric.append(name)
        else:
            left_out[name] = f"is {kind}; numbers and text can be watched"
    return FeatureColumns(numeric=tuple(numeric), categorical=tuple(categorical), left_out=left_out)


def _is_text(kind: pl.DataType) -> bool:
    return kind == pl.String or isinstance(kind, pl.Categorical | pl.Enum)


def _id_like(name: str, levels: int, rows: int) -> str:
    if name.lower().endswith("_id") or name.lower() == "id":
        return "is named as an id"
    if levels > MOST_LEVELS or (rows >= ENOUGH_ROWS and levels > MOST_OWN_LEVELS * rows):
        return f"has {levels:,} values in {rows:,} rows: an id?"
    return ""
