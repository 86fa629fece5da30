"""A lake of a shop that calls things its own way, land by land: days with known CTR and levels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from evergreen.adapters.lake_tables import IMPRESSIONS

START = datetime(2025, 3, 3, tzinfo=UTC)  # a Monday
RENAMED = {
    "event_time": "ts",
    "page_view_id": "requestId",
    "item_id": "sku",
    "position": "rank",
    "score": "prediction",
    "clicked": "is_click",
    "user_id": "customer_id",
}


def impressions(
    hour: datetime, *, rows: int = 200, ctr: float = 0.10, price: float = 10.0, seed: int = 0
) -> pl.DataFrame:
    """Return an hour's impressions by version `v1`, four to a page view."""
    rng = np.random.default_rng([seed, int(hour.timestamp())])
    body = {
        "event_time": [hour + timedelta(seconds=i) for i in range(rows)],
        "page_view_id": [f"{hour:%d%H}-{i // 4}" for i in range(rows)],
        "item_id": ["abcd"[i % 4] for i in range(rows)],
        "position": [i % 4 + 1 for i in range(rows)],
        "score": rng.uniform(0, 0.2, rows),
        "model_version": ["v1"] * rows,
        "clicked": rng.uniform(size=rows) < ctr,
        "source": ["model"] * rows,
    }
    frame = pl.DataFrame(body, schema=dict(IMPRESSIONS.required))
    return frame.with_columns(
        user_id=pl.Series([f"u{i // 8}-{hour:%d%H}" for i in range(rows)]),
        price=pl.Series(rng.gamma(2.0, price / 2, rows), dtype=pl.Float32),
        stock=pl.Series(rng.integers(0, 50, rows)),
        device=pl.Series(rng.choice(["phone", "desk"], rows)),
        session=pl.Series([f"{hour:%d%H}{i}" for i in range(rows)]),
        sent=pl.Series([hour] * rows),
    )


def write(
    url: Path, table: str, hour: datetime, frame: pl.DataFrame, names: Mapping[str, str] = {}
) -> None:
    """Write an hour as Spark would: own names, an empty `_SUCCESS`."""
    folder = url / table / f"hour={hour:%Y-%m-%dT%H}"
    folder.mkdir(parents=True)
    frame.rename(dict(names), strict=False).write_parquet(folder / "part-0.parquet")
    (folder / "_SUCCESS").touch()


def make_lake(
    url: Path, *, days: int, names: Mapping[str, str] = {}, drop_on: int | None = None
) -> Path:
    """Write days of impressions; from day `drop_on` on the CTR is half of what it was."""
    for number in range(days * 24):
        dropped = drop_on is not None and number >= drop_on * 24
        hour = START + timedelta(hours=number)
        write(url, "impressions", hour, impressions(hour, ctr=0.05 if dropped else 0.10), names)
    return url
