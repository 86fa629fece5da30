"""The CTR that the lake holds: of a window, and day by day."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.domain.windows import Window

COLUMNS = ("event_time", "clicked", "source", "model_version")
CHUNK = timedelta(weeks=4)


def daily(lake: Lake, window: Window) -> pl.DataFrame:
    """Return `day`, `impressions`, `clicks`, `fallback` of each day that had any."""
    frames = []
    start = window.start
    while start < window.end:
        part = Window(start, min(start + CHUNK, window.end))
        rows = lake.read("impressions", part, COLUMNS)
        frames.append(
            rows.group_by(day=pl.col("event_time").dt.truncate("1d")).agg(
                impressions=pl.len(),
                clicks=pl.col("clicked").sum(),
                fallback=(pl.col("source") == "fallback").sum(),
            )
        )
        start = part.end
    return pl.concat(frames).group_by("day").sum().sort("day")


def ctr(lake: Lake, window: Window) -> float:
    """Return clicks / impressions of a window, NaN without impressions."""
    clicked = lake.read("impressions", window, ["clicked"])["clicked"]
    return float(clicked.sum()) / clicked.len() if clicked.len() else float("nan")
