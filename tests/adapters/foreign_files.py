"""An hour of the lake as a foreign writer leaves it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
from made_impressions import HOUR

from evergreen.domain.windows import Window

NEXT = HOUR + timedelta(hours=1)
BOTH = Window(HOUR, NEXT + timedelta(hours=1))
FOLDER = "impressions/hour=2011-05-02T12"
PART = f"{FOLDER}/part-g1-0.parquet"


def drop(tmp_path: Path, frame: pl.DataFrame, *, hour: datetime = HOUR, name: str = "a") -> Path:
    """Write a file as a foreign writer does: no contract, an empty `_SUCCESS`."""
    folder = tmp_path / "impressions" / f"hour={hour:%Y-%m-%dT%H}"
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / f"{name}.parquet")
    (folder / "_SUCCESS").touch()
    return folder / f"{name}.parquet"
