"""An installation whose one model is trained elsewhere and has served four days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import IMPRESSIONS
from evergreen.config.settings import settings

START = datetime(2011, 5, 2, tzinfo=UTC)
DAYS = 4
HOURS = range(8, 16)  # the shop is open
SPEC = """model: shop
description: d
owner: o
features: {numeric: [price], categorical: [colour]}
monitor: {min_impressions: 100, drift: {outputs: [item_id]}}
train: {enabled: false}
"""


def impressions(hour: datetime, *, rows: int = 80, clicks: int = 8) -> pl.DataFrame:
    """Return an hour's impressions by version `theirs`."""
    body = {
        "event_time": [hour + timedelta(seconds=i) for i in range(rows)],
        "page_view_id": [f"{hour:%d%H}-{i // 4}" for i in range(rows)],
        "item_id": ["abcd"[i % 4] for i in range(rows)],
        "position": [i % 4 + 1 for i in range(rows)],
        "score": [None] * rows,
        "model_version": ["theirs"] * rows,
        "clicked": [i % 10 == 0 and i // 10 < clicks for i in range(rows)],
        "source": ["model"] * rows,
    }
    return pl.DataFrame(body, schema=dict(IMPRESSIONS.required)).with_columns(
        price=pl.Series([float(i % 10) for i in range(rows)], dtype=pl.Float32),
        colour=pl.Series(["red" if i % 5 else "blue" for i in range(rows)]),
    )


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """Return the lake of the installation."""
    folder = tmp_path / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(SPEC)
    for name in ("LAKE_URL", "LEDGER_URL"):
        monkeypatch.delenv(f"EVERGREEN_{name}", raising=False)
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
    settings.cache_clear()
    lake = Lake(settings().lake_root("shop"))
    for day in range(DAYS):
        for of_day in HOURS:
            hour = START + timedelta(days=day, hours=of_day)
            lake.land_hour("impressions", hour, impressions(hour))
    yield lake
    settings.cache_clear()
