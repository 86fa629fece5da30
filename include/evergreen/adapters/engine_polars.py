"""The counts of the lake's hours in this process: Polars for numbers, Arrow's codes for text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl
import pyarrow as pa

from evergreen.adapters.engine_numbers import count_numbers, scan
from evergreen.adapters.engine_plan import Plan, plan_of
from evergreen.adapters.engine_rows import count_rows
from evergreen.adapters.engine_sample import learn_bins, newest_version, own_rows
from evergreen.adapters.engine_tally import Tally
from evergreen.adapters.lake import Lake
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import Window


class PolarsEngine:
    """Counts over the Parquet files of a lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def sketches(
        self, window: Window, columns: Mapping[str, Bins], *, version: str | None
    ) -> Mapping[datetime, HourSketch]:
        """Return the sketch of every closed hour of the window."""
        plan = plan_of(self._lake, window, columns)
        tallies = {hour: Tally() for hour in plan.hours}
        for same in plan.schemas:
            counted = {name: columns[name] for name in same.kinds}
            numbers = {n: b for n, b in counted.items() if isinstance(b, NumericBins)}
            levels = {n: b for n, b in counted.items() if isinstance(b, LevelBins)}
            left_out = {
                file.uri: count_rows(self._lake, file, levels, version, tallies[file.hour])
                for file in same.files
            }
            pa.default_memory_pool().release_unused()
            by_file = count_numbers(self._lake, same, numbers, left_out)
            for file in same.files:
                for name, counts in by_file.get(file.uri, {}).items():
                    tallies[file.hour].add_bins(name, counts)
        return sketches_of(plan, tallies, columns)

    def make_bins(
        self,
        window: Window,
        *,
        numeric: Sequence[str],
        categorical: Sequence[str],
        version: str | None,
    ) -> dict[str, Bins]:
        """Return bins that share out the rows of the window."""
        return learn_bins(
            self._lake, window, numeric, categorical, version=version, count_levels=_count_levels
        )

    def serving_version(self, window: Window) -> str | None:
        """Return the model version of the newest impression."""
        return newest_version(self._lake, window)


def _count_levels(
    lake: Lake, plan: Plan, columns: Sequence[str], version: str | None
) -> dict[str, Counter[str]]:
    """Return rows of each level that the version's model served."""
    counts: dict[str, Counter[str]] = {column: Counter() for column in columns}
    for same in plan.schemas:
        here = [column for column in columns if same.kinds.get(column) == "text"]
        needed = [*dict.fromkeys((*here, "source", "model_version"))]
        rows = scan(lake, same.files, needed).with_columns(pl.col(needed).cast(pl.String))
        queries = [
            rows.filter(own_rows(version, column)).group_by(level=column).len() for column in here
        ]
        for column, found in zip(here, pl.collect_all(queries, engine="streaming"), strict=True):
            counts[column].update(dict(found.drop_nulls().iter_rows()))
    return counts


def sketches_of(
    plan: Plan, tallies: Mapping[datetime, Tally], columns: Mapping[str, Bins]
) -> dict[datetime, HourSketch]:
    """Return the sketch of each hour, without the columns that had a problem in it."""
    return {hour: tallies[hour].sketch(columns, plan.problems.get(hour, {})) for hour in plan.hours}
