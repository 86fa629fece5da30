"""Figures of a lake's newest hours: do the columns mean what they say?"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.domain.windows import HOUR, Window
from evergreen.onboarding.lake_seen import TableSeen

MOST_ROWS = 2_000_000
LABELLED = 0.99
"""From this share of known labels on, an hour counts as complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the newest hours look like.

    Parameters:
        hours, rows: that were looked at.
        rows_an_hour: median of the closed hours with rows of the newest eight weeks.
        closed_share: closed hours among those from the first of them to the newest, 0 to 1.
        ctr: of the rows whose label is known; None where none is.
        immature_hours: how many of the newest hours have labels that are not known yet; None where
            older ones have too, so that nothing can be said.
        scored: whether any row has a score.
    """

    hours: int
    rows: int
    rows_an_hour: float
    closed_share: float
    ctr: float | None
    immature_hours: int | None
    scored: bool


def figures_of(lake: Lake, seen: TableSeen) -> Figures:
    """Return the figures of a lake's impressions.

    Args:
        lake: With the mapping of its columns.
        seen: Its impressions.

    Raises:
        ColumnMissing, ColumnTypeWrong, FileCorrupt: an hour that cannot be read; the text names it.
    """
    hours = _newest_hours(seen.rows)
    frames = [
        lake.read("impressions", Window.of_hour(hour), ["clicked", "score"]).with_columns(
            pl.lit(hour).alias("hour")
        )
        for hour in hours
    ]
    rows = pl.concat(frames, how="diagonal_relaxed")
    labelled = rows["clicked"].drop_nulls()
    known_labels = rows.group_by("hour").agg(pl.col("clicked").is_not_null().mean())
    counts = [count for count in seen.rows.values() if count]
    span = max((max(seen.rows) - min(seen.rows)) // HOUR + 1, 1)
    return Figures(
        hours=len(hours),
        rows=rows.height,
        rows_an_hour=statistics.median(counts),
        closed_share=len(seen.rows) / span,
        ctr=int(labelled.sum()) / len(labelled) if len(labelled) else None,
        immature_hours=immature(dict(known_labels.iter_rows())),
        scored=bool(rows["score"].is_not_null().any()),
    )


def immature(labelled: Mapping[datetime, float]) -> int | None:
    """Return how many of the newest hours lack labels; None where the oldest lack some too.

    Parameters:
        labelled: share of each hour's rows whose label is known, 0 to 1.

    Example: with shares 1, 1, 0.7 and 0.2 of four hours, oldest first, it is 2.
    """
    shares = [labelled[hour] for hour in sorted(labelled)]
    short = [index for index, share in enumerate(shares) if share < LABELLED]
    if not short:
        return 0
    return len(shares) - short[0] if short[0] > 0 and len(shares) > 1 else None


def _newest_hours(rows: Mapping[datetime, int]) -> list[datetime]:
    """Return the newest hours with rows, at most a week and two million rows, oldest first."""
    chosen: list[datetime] = []
    total = 0
    for hour in sorted(rows, reverse=True):
        if not rows[hour]:
            continue
        if chosen and (total + rows[hour] > MOST_ROWS or len(chosen) >= 24 * 7):
            break
        chosen.append(hour)
        total += rows[hour]
    return chosen[::-1]
