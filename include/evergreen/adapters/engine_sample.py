"""Bins learned from a window: quantiles of a bounded sample, and levels by their exact counts.

The sample is a share of all rows, chosen by their position: the same rows every time and with every
engine, spread over the window as its rows are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from evergreen.adapters.engine_numbers import as_float32, scan
from evergreen.adapters.engine_plan import Plan, plan_of
from evergreen.adapters.lake import Lake
from evergreen.domain.bins import Bins, LevelBins, NumericBins, level_bins, numeric_bins
from evergreen.domain.windows import Window

SAMPLE_ROWS = 200_000
"""Rows that quantile edges are learned from: an edge's share is then off by about 0.1 %."""
# Every k-th row would always be the same position of a list; Knuth's multiplicative hash is not.
SCATTER, SPAN = 2_654_435_761, 2**32
ROW = "__row"

LevelCounts = Callable[[Lake, Plan, Sequence[str], str | None], Mapping[str, Mapping[str, int]]]


def learn_bins(
    lake: Lake,
    window: Window,
    numeric: Sequence[str],
    categorical: Sequence[str],
    *,
    version: str | None,
    count_levels: LevelCounts,
) -> dict[str, Bins]:
    """Return bins of each column; without edges or groups where no hour can be read."""
    columns: dict[str, Bins] = {name: NumericBins(edges=()) for name in numeric}
    columns |= {name: LevelBins(groups=()) for name in categorical}
    plan = plan_of(lake, window, columns)
    samples = sample_numbers(lake, plan, numeric, version)
    counts = count_levels(lake, plan, categorical, version)
    return {name: numeric_bins(samples[name]) for name in numeric} | {
        name: level_bins(counts[name]) for name in categorical
    }


def sample_numbers(
    lake: Lake, plan: Plan, columns: Sequence[str], version: str | None, rows: int = SAMPLE_ROWS
) -> dict[str, np.ndarray]:
    """Return values of each column at about `rows` of the window's rows, at most that many."""
    share = max(1, math.ceil(plan.rows / rows))
    parts: dict[str, list[np.ndarray]] = {column: [] for column in columns}
    for same in plan.schemas:
        here = [column for column in columns if column in same.kinds]
        if not here:
            continue
        needed = [*dict.fromkeys((*here, "source", "model_version"))]
        scattered = pl.col(ROW).cast(pl.UInt64) * SCATTER % SPAN < SPAN // share
        chosen = scan(lake, same.files, needed).with_row_index(ROW).filter(scattered)
        chosen = chosen.filter(own_rows(version)).select(as_float32(c, same.types[c]) for c in here)
        found = chosen.collect(engine="streaming")
        for column in here:
            parts[column].append(found[column].drop_nulls().to_numpy())
    none = np.zeros(0, dtype=np.float32)
    return {column: np.concatenate([none, *found])[:rows] for column, found in parts.items()}


def own_rows(version: str | None, column: str = "") -> pl.Expr:
    """Return the rows a column is counted over: those the model served, of `source` all."""
    own = pl.lit(value=True)
    if version is not None:
        own = (pl.col("model_version").cast(pl.String) == version).fill_null(value=False)
    return own if column == "source" else own & (pl.col("source").cast(pl.String) == "model")


def newest_version(lake: Lake, window: Window) -> str | None:
    """Return the model version of the newest impression."""
    for hour in reversed(list(window.hours())):
        closing = lake.closing("impressions", hour)
        if closing is not None and closing.rows:
            paths, columns = [f.path for f in closing.files], ["event_time", "model_version"]
            rows = lake.read_files("impressions", paths, columns)
            return str(rows.sort("event_time", maintain_order=True)["model_version"][-1])
    return None
