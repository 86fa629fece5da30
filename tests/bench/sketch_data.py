"""The hour that `make bench` sketches: 20 numbers, 10 categories, the contract's columns."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)
LEVELS = (2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000)
NUMERIC = ["score", *(f"number_{i}" for i in range(20))]
CATEGORICAL = [f"category_{i}" for i in range(len(LEVELS))]
FEATURES = [*NUMERIC[1:], *CATEGORICAL]
TEXT = ["page_view_id", "model_version", "source", *CATEGORICAL]
OTHER = ["clicked", "position"]
VERSION = "7"
LIST = 10  # impressions of a page view
CHUNK_ROWS = 500_000


def hour_of(home: Path, rows: int, seed: int) -> Path:
    """Return a lake of one hour of so many rows; made once, in bounded memory."""
    lake = home / f"sketch-{rows}-{seed}"
    folder = lake / "impressions" / f"hour={HOUR:%Y-%m-%dT%H}"
    if (folder / "_SUCCESS").exists():
        return lake
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for first in range(0, rows, CHUNK_ROWS):
        parts.append(folder / f".part-{first}.tmp")
        _rows(first, min(CHUNK_ROWS, rows - first), rows, seed).write_parquet(parts[-1])
    pl.scan_parquet(parts).sink_parquet(folder / "part-0.parquet")
    for part in parts:
        part.unlink()
    (folder / "_SUCCESS").touch()
    return lake


def file_of(lake: Path) -> Path:
    """Return the one file of the hour."""
    return next(lake.glob("impressions/hour=*/part-0.parquet"))


def layout(file: Path) -> dict[str, Any]:
    """Return how the file is stored, which is what any of these times depend on."""
    found = pq.ParquetFile(file).metadata
    columns = [found.row_group(0).column(i) for i in range(found.num_columns)]
    return {
        "rows": found.num_rows,
        "row_groups": found.num_row_groups,
        "rows_a_group": found.row_group(0).num_rows,
        "columns": found.num_columns,
        "bytes": file.stat().st_size,
        "compression": sorted({c.compression for c in columns}),
        "encodings": sorted({"+".join(sorted(c.encodings)) for c in columns}),
        "page_views": found.num_rows // LIST,
        "written_by": found.created_by.partition(" (build")[0],
    }


def _rows(first: int, rows: int, of: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng([seed, first])
    row = np.arange(first, first + rows)
    view = row // LIST
    frame = {
        "event_time": pl.from_epoch(
            pl.Series(int(HOUR.timestamp() * 1e6) + row * 3_500_000_000 // of), "us"
        ).dt.replace_time_zone("UTC"),
        "page_view_id": _named("view", view * 2_654_435_761 % 2**40),
        "item_id": _named("item", rng.integers(0, 5_000, rows)),
        "position": pl.Series(row % LIST + 1, dtype=pl.Int8),
        "score": pl.Series(rng.random(rows, dtype=np.float32)),
        "model_version": _named("", np.where(rng.random(rows) < 0.01, 6, int(VERSION))),
        "clicked": pl.Series(rng.random(rows) < 0.04),
        "source": pl.Series(np.where(rng.random(rows) < 0.05, "fallback", "model")),
    }
    for i, name in enumerate(NUMERIC[1:]):
        values = pl.Series(rng.standard_normal(rows, dtype=np.float32))
        missing = pl.Series(rng.random(rows) < 0.05)
        frame[name] = values.set(missing, None) if i % 4 == 0 else values
    for name, levels in zip(CATEGORICAL, LEVELS, strict=True):
        weights = 1 / np.arange(1, levels + 1)
        frame[name] = _named("level", rng.choice(levels, rows, p=weights / weights.sum()))
    return pl.DataFrame(frame)


def _named(prefix: str, numbers: np.ndarray) -> pl.Series:
    text = pl.Series(numbers).cast(pl.String)
    return pl.select(pl.lit(f"{prefix}-") + text).to_series() if prefix else text
