"""A small lake of one day, damaged as a test wants it, and its facts."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from made_impressions import HOUR

from evergreen.adapters.facts import DayFacts, Known, day_facts
from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.windows import Window, hour_key

DAY = Window(HOUR.replace(hour=0), HOUR.replace(hour=0) + timedelta(days=1))
KEY = hour_key(HOUR)


def spec_of(**sections: Any) -> ModelSpec:
    """Return the spec of a model that is trained elsewhere."""
    body = {"model": "made", "description": "", "owner": "", "train": {"enabled": False}}
    return ModelSpec.model_validate({**body, **sections})


def drop(
    lake: Lake,
    frame: pl.DataFrame,
    *,
    hour: datetime = HOUR,
    table: str = "impressions",
    part: int = 0,
) -> Path:
    """Write a file as a foreign writer does: no contract, an empty `_SUCCESS`."""
    folder = Path(lake.url) / table / f"hour={hour_key(hour)}"
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / f"part-{part}.parquet")
    (folder / "_SUCCESS").touch()
    return folder / f"part-{part}.parquet"


def facts(lake: Lake, known: Known | None = None, /, **sections: Any) -> DayFacts:
    """Return the facts of the day."""
    return day_facts(lake, spec_of(**sections), DAY, known or Known())


def row(frame: pl.DataFrame, scope: str = KEY, subject: str = "") -> dict[str, Any]:
    """Return one row of facts."""
    return frame.row(
        by_predicate=(pl.col("scope") == scope) & (pl.col("subject") == subject), named=True
    )
