"""The day that `validate.py` validates: 24 hours of page views of ten rows, 30 float32 features."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.domain.windows import HOUR, Window

DAY = Window.last(24 * HOUR, until=datetime(2011, 5, 3, tzinfo=UTC))
FEATURES = tuple(f"f{i:02}" for i in range(30))
VERSION = "7"
LIST = 10
"""Impressions of a page view."""
VIEWS_A_USER = 3
ITEMS = 5_000


def lake_of(home: Path, rows: int, hours: int) -> Lake:
    """Return a lake whose day has so many rows in each of its first hours; made once."""
    lake = Lake(str(home / f"validate-{rows}"))
    for number, hour in enumerate(list(DAY.hours())[:hours]):
        if lake.closing("impressions", hour) is None:
            lake.land_hour("impressions", hour, hour_rows(hour, number, rows))
    return lake


def hour_rows(hour: datetime, seed: int, rows: int) -> pl.DataFrame:
    """Return one hour's impressions by time, page view and position."""
    rng = np.random.default_rng([7, seed])
    row = np.arange(rows)
    view, position = row // LIST, row % LIST
    views = int(view[-1]) + 1
    users = rng.integers(0, max(views // VIEWS_A_USER, 1), views)
    context = rng.integers(0, ITEMS, views)
    start = np.datetime64(hour.replace(tzinfo=None), "us")
    times = start + (view * 3_600_000_000 // views).astype("timedelta64[us]")
    frame = {
        "event_time": pl.Series(times).dt.replace_time_zone("UTC"),
        "page_view_id": named("view", (view + seed * views) * 2_654_435_761 % 2**44),
        "user_id": named("user", users[view]),
        "context_item_id": named("item", context[view]),
        "item_id": named("item", (context[view] + 7 * position + 1) % ITEMS),
        "position": pl.Series(position + 1, dtype=pl.Int8),
        "score": pl.Series(rng.random(rows, dtype=np.float32)),
        "propensity": pl.Series((1 / rng.uniform(0.5, 1.5, rows) / ITEMS).astype(np.float32)),
        "model_version": pl.Series(np.full(rows, VERSION)),
        "clicked": pl.Series(rng.random(rows) < 0.04),
        "source": pl.Series(np.where(rng.random(rows) < 0.05, "fallback", "model")),
    }
    for i, name in enumerate(FEATURES):
        values = pl.Series(rng.standard_normal(rows, dtype=np.float32))
        missing = pl.Series(rng.random(rows) < 0.05)
        frame[name] = values.set(missing, None) if i % 4 == 0 else values
    return pl.DataFrame(frame)


def named(prefix: str, numbers: np.ndarray) -> pl.Series:
    """Return `prefix-number` of each number."""
    return pl.select(pl.format(f"{prefix}-{{}}", pl.Series(numbers))).to_series()
