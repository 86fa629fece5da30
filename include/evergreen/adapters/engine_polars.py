"""The counts of the lake's hours by Polars, in this process."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import Window

COUNTS = ("impressions", "labelled", "clicks", "page_views", "fallback", "other_versions")


class PolarsEngine:
    """Counts over the Parquet files of a lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def sketches(self, window: Window, profile: ReferenceProfile) -> Mapping[datetime, HourSketch]:
        """Return the sketch of every closed hour of the window."""
        own = {"page_view_id", "event_time", "model_version", "clicked", "source"}
        columns = [*sorted(own), *profile.columns]
        rows = self._lake.read("impressions", window, columns)
        mine = pl.col("model_version").eq_missing(profile.model_version)
        counted = (
            rows.lazy()
            .group_by(hour=pl.col("event_time").dt.truncate("1h"))
            .agg(
                impressions=mine.sum(),
                labelled=(mine & pl.col("clicked").is_not_null()).sum(),
                clicks=(mine & pl.col("clicked").fill_null(value=False)).sum(),
                page_views=pl.col("page_view_id").filter(mine).n_unique(),
                fallback=(mine & (pl.col("source") == "fallback")).sum(),
                other_versions=(~mine).sum(),
                **_bin_counts(profile, mine & (pl.col("source") == "model")),
            )
            .collect()
        )
        found = {row["hour"]: _sketch_of(row, profile) for row in counted.to_dicts()}
        empty = HourSketch(bins={n: (0,) * len(b.shares) for n, b in profile.columns.items()})
        closed = self._lake.closed_hours("impressions", window)
        return {hour: found.get(hour, empty) for hour in closed}

    def serving_version(self, window: Window) -> str | None:
        """Return the model version of the newest impression."""
        for hour in reversed(list(window.hours())):
            closing = self._lake.closing("impressions", hour)
            if closing is not None and closing.rows:
                paths, columns = [f.path for f in closing.files], ["event_time", "model_version"]
                rows = self._lake.read_files("impressions", paths, columns)
                return str(rows.sort("event_time", maintain_order=True)["model_version"][-1])
        return None


def _bin_counts(profile: ReferenceProfile, mine: pl.Expr) -> dict[str, pl.Expr]:
    """Return one sum an edge: rows at or below it. Bins are their differences."""
    sums = {}
    for name, bins in profile.columns.items():
        column = pl.col(name).cast(pl.Float32)
        present = mine & column.is_not_null() & column.is_not_nan()
        for i, edge in enumerate(bins.edges):
            limit = pl.lit(edge, dtype=pl.Float32)
            sums[f"{name}|{i}"] = (present & (column <= limit)).sum()
        sums[f"{name}|present"] = present.sum()
        sums[f"{name}|all"] = mine.sum()
    return sums


def _sketch_of(row: Mapping[str, int], profile: ReferenceProfile) -> HourSketch:
    bins = {}
    for name, reference in profile.columns.items():
        below = [row[f"{name}|{i}"] for i in range(len(reference.edges))]
        steps = [0, *below, row[f"{name}|present"]]
        counts = [after - before for before, after in itertools.pairwise(steps)]
        bins[name] = (*counts, row[f"{name}|all"] - row[f"{name}|present"])
    return HourSketch(**{name: row[name] for name in COUNTS}, bins=bins)
