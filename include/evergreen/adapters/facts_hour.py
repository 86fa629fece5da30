"""What one hour's impressions come to: its counts, its ids, its features, its sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from evergreen.adapters.facts_features import FeatureTally
from evergreen.adapters.facts_hours import Hour, record
from evergreen.adapters.facts_read import HourRead, Question, read_hour
from evergreen.adapters.facts_rows import OUTSIDE_HOUR, ROW_FACTS, CodedRows
from evergreen.adapters.facts_sample import areas
from evergreen.adapters.lake import Lake

SECOND_US = 1_000_000
COUNTS: dict[str, pl.DataType] = {
    **dict.fromkeys(ROW_FACTS, pl.Int64()),
    "repeated_page_views": pl.Int64(),
    "labelled": pl.Int64(),
    "clicks": pl.Int64(),
    "mature_rows": pl.Int64(),
    "unlabelled": pl.Int64(),
    "propensities": pl.Int64(),
    "inverse_rows": pl.Int64(),
    "inverse_sum": pl.Float64(),
    "user_rows": pl.Int64(),
    "page_views": pl.Int64(),
    "top_user_page_views": pl.Int64(),
    "model_rows": pl.Int64(),
    "score_low": pl.Float32(),
    "score_high": pl.Float32(),
    "seconds": pl.Int64(),
}
"""What is counted of an hour's impressions."""
NO_IDS = np.zeros(0, dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourFound:
    """What one hour's files hold.

    Parameters:
        counts: the hour's row of counts, see `COUNTS`.
        views: hashes of its page views.
        items: hashes of the items shown.
        users, user_views: hashes of its users and the page views of each.
        sample: what is kept of its sampled rows.
    """

    counts: dict[str, Any]
    views: np.ndarray = field(default_factory=lambda: NO_IDS)
    items: np.ndarray = field(default_factory=lambda: NO_IDS)
    users: np.ndarray = field(default_factory=lambda: NO_IDS)
    user_views: np.ndarray = field(default_factory=lambda: NO_IDS)
    features: Mapping[str, FeatureTally] = field(default_factory=dict)
    areas: Mapping[str, float] = field(default_factory=dict)
    sample: pl.DataFrame | None = None


def read_hours(lake: Lake, hours: Sequence[Hour], question: Question) -> list[HourFound]:
    """Return what each hour holds; while one is counted, the next is read: two are held at most.

    Raises:
        LakeUnreachable: the lake cannot be read now.
    """
    counted: list[Future[HourFound]] = []
    with ThreadPoolExecutor(max_workers=1) as counting:
        for hour in hours:
            read = read_hour(lake, hour, question)
            if counted:
                counted[-1].result()
            counted.append(counting.submit(count_hour, read, question))
            del read
        return [hour.result() for hour in counted]


def count_hour(read: HourRead, question: Question) -> HourFound:
    """Return what an hour that was read comes to."""
    counts = record(read.hour, read.rows, read.problems)
    if read.found is None:
        return HourFound(counts=counts)
    coded, sample = read.found.coded, read.found.sample
    users, user_views = _users(coded)
    counts |= _counts(coded, read.hour, question)
    counts["user_rows"] = read.found.with_users
    counts["user_missing"] -= read.rows - read.found.with_users
    counts["top_user_page_views"] = int(user_views.max(initial=0)) or None
    return HourFound(
        counts=counts,
        views=coded.views["view"].to_numpy(),
        items=coded.frame["item"].drop_nulls().unique().to_numpy(),
        users=users,
        user_views=user_views,
        features=read.found.features,
        areas=areas(sample.rows(), read.rows, question.feature_types),
        sample=sample.kept(),
    )


def _counts(found: CodedRows, hour: Hour, question: Question) -> dict[str, Any]:
    score = pl.col("score").filter(pl.col("by_model") & pl.col("score").is_finite())
    chance = pl.col("propensity")
    chance = chance.filter(chance.is_finite() & (chance > 0)).cast(pl.Float64)
    counts: dict[str, Any] = found.frame.select(
        labelled=pl.col("clicked").count(),
        clicks=pl.col("clicked").sum(),
        propensities=pl.col("propensity").count(),
        inverse_rows=chance.count(),
        inverse_sum=(1 / chance).sum(),
        model_rows=pl.col("by_model").sum(),
        score_low=score.min(),
        score_high=score.max(),
        seconds=(pl.col("at_us").filter(~OUTSIDE_HOUR) // SECOND_US).n_unique(),
    ).row(0, named=True)
    mature = hour.hour < question.mature_before
    return {
        **counts,
        **found.counts(),
        "page_views": found.views.height,
        "mature_rows": found.frame.height if mature else 0,
        "unlabelled": found.frame.height - counts["labelled"] if mature else 0,
    }


def _users(found: CodedRows) -> tuple[np.ndarray, np.ndarray]:
    """Return the hour's users and the page views of each."""
    users, views = np.unique(found.views["user"].drop_nulls().to_numpy(), return_counts=True)
    return users, views.astype(np.uint32)
