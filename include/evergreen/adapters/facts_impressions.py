"""Facts of a day's impressions, hour by hour and of the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl

from evergreen.adapters.facts_files import open_hour, piece_of, starts_of
from evergreen.adapters.facts_hour import COUNTS, HourFound
from evergreen.adapters.facts_hours import closings_of, facts_of, share, with_day
from evergreen.adapters.facts_repeats import repeated_later
from evergreen.adapters.facts_rows import id_of
from evergreen.adapters.lake import HourClosing, Lake
from evergreen.domain.errors import EvergreenError, LakeUnreachable
from evergreen.domain.windows import Window

DAY = timedelta(hours=24)
MIN_LABELLED = 200
"""Impressions with a label, at least, for a CTR."""
MIN_CLICKS = 20
"""Clicks to be expected, at least, for the CTR to be compared with the baseline."""
MIN_SCORED = 500
"""Scored rows, at least, that may not all have one score."""
MIN_PAGE_VIEWS = 50
"""Page views, at least, whose seconds are counted."""


def impression_facts(
    hours: Sequence[HourFound],
    before: Sequence[np.ndarray],
    *,
    rate: float | None,
    versions_known: bool,
    items_known: bool,
) -> pl.DataFrame:
    """Return the facts of each hour, missing ones too, and of the day.

    Parameters:
        hours: what was found in every hour of the day, oldest first.
        before: hashes of the page views of each hour of the 24 hours before.
        rate: the CTR that is expected; None where that is not known.
        versions_known, items_known: whether there was anything to compare these with.
    """
    repeated = repeated_later([*before, *(hour.views for hour in hours)])[len(before) :]
    for hour, count in zip(hours, repeated.tolist(), strict=True):
        hour.counts["repeated_page_views"] = count if hour.counts["readable"] else None
        own = (tally.rows for tally in hour.features.values())
        hour.counts["own_rows"] = max(own, default=None)
    counted = with_day(
        [hour.counts for hour in hours],
        {**COUNTS, "own_rows": pl.Int64()},
        {
            "score_low": pl.col("score_low").min(),
            "score_high": pl.col("score_high").max(),
            "top_user_page_views": pl.lit(_top_user(hours), pl.Int64),
        },
    )
    items = np.unique(np.concatenate([hour.items for hour in hours])).size
    return facts_of(counted, _formulas(items, rate, versions_known, items_known))


def views_of_hours(lake: Lake, window: Window) -> list[np.ndarray]:
    """Return the hashes of the page views of each closed hour that can be read."""
    closings = closings_of(lake, "impressions", window).values()
    return [views_of(lake, said) for said in closings if isinstance(said, HourClosing)]


def views_of(lake: Lake, closing: HourClosing) -> np.ndarray:
    """Return the hashes of an hour's page views; none where it cannot be read."""
    parts = [np.zeros(0, dtype=np.uint64)]
    try:
        for file in open_hour(lake, "impressions", closing, {}):
            if file.damage is None:
                ids = id_of("page_view_id", file.types).unique().drop_nulls()
                for start in starts_of(file):
                    piece = piece_of(lake, file, ["page_view_id"], start)
                    parts.append(piece.select(ids).to_series().to_numpy())
    except LakeUnreachable:
        raise
    except EvergreenError:  # that hour's own validation tells
        return np.zeros(0, dtype=np.uint64)
    return np.unique(np.concatenate(parts))


def _top_user(hours: Sequence[HourFound]) -> int | None:
    """Return the most page views of one user, a page view of two hours counted twice."""
    users = np.concatenate([hour.users for hour in hours])
    if not users.size:
        return None
    views = np.concatenate([hour.user_views for hour in hours])
    order = np.argsort(users)
    users = users[order]
    starts = np.flatnonzero(np.append(True, users[1:] != users[:-1]))
    return int(np.add.reduceat(views[order], starts).max())


def _formulas(
    items: int, rate: float | None, versions_known: bool, items_known: bool
) -> dict[str, pl.Expr]:
    """Return how the facts are made of the counts, in the order of their columns."""
    nothing = pl.lit(None, pl.Float64)
    ctr = pl.when(pl.col("labelled") >= MIN_LABELLED).then(share("clicks", "labelled"))
    judged = pl.col("labelled") * (rate or 0.0) >= MIN_CLICKS
    logged = pl.col("propensities") > 0
    inverse = share("inverse_sum", "inverse_rows") / max(items, 1)
    one_score = pl.col("score_low") == pl.col("score_high")
    return {
        "own_rows": pl.col("own_rows"),
        "outside_hour": pl.col("outside_hour"),
        "null_ids": pl.col("null_ids"),
        "duplicate_positions": pl.col("duplicate_positions"),
        "repeated_items": pl.col("repeated_items"),
        "position_gaps": pl.col("position_gaps"),
        "repeated_page_views": pl.col("repeated_page_views"),
        "clicked_unshown": pl.col("clicked_unshown"),
        "ctr": ctr,
        "ctr_ratio": pl.when(judged).then(share("clicks", "labelled") / (rate or 1.0)),
        "unlabelled": share("unlabelled", "mature_rows"),
        "propensity_outside": pl.when(logged).then("propensity_outside"),
        "propensity_missing": pl.when(logged).then(1 - share("propensities", "rows")),
        "inverse_propensity": inverse,
        "unknown_versions": pl.col("unknown_versions")
        if versions_known
        else pl.lit(None, pl.Int64),
        "unknown_source": pl.col("unknown_source"),
        "unseen_items": share("unseen_items", "rows") if items_known else nothing,
        "user_missing": share("user_missing", "user_rows"),
        "top_user_page_views": pl.col("top_user_page_views"),
        "score_missing": share("score_missing", "model_rows"),
        "score_constant": pl.when(pl.col("model_rows") >= MIN_SCORED).then(one_score),
        "seconds": pl.when(pl.col("page_views") >= MIN_PAGE_VIEWS).then("seconds"),
    }
