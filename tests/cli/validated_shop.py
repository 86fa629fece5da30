"""An installation whose shop has two whole days, of which one hour of orders is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evergreen.adapters.installation import open_lake, spec_of
from evergreen.adapters.lake import Lake
from evergreen.config.settings import settings
from evergreen.domain.windows import HOUR
from made_days import judge, land_days, orders

NIGHT = datetime(2011, 5, 2, tzinfo=UTC)
BAD = NIGHT + 13 * HOUR
MODEL = "shop"
SPEC = "model: shop\ndescription: d\nowner: o\nfeatures: {numeric: [co_7d, price]}\n"
URLS = ("LAKE", "LEDGER", "DOCS", "QUARANTINE", "PUBLISHED")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """Return the lake; days are judged by a few rules instead of Great Expectations."""
    folder = tmp_path / "models" / MODEL
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(SPEC)
    for name in URLS:
        monkeypatch.delenv(f"EVERGREEN_{name}_URL", raising=False)
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("evergreen.monitor.validate_day.validate", judge)
    settings.cache_clear()
    lake = open_lake(spec_of(MODEL))
    land_days(lake, NIGHT, days=2)
    lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))
    yield lake
    settings.cache_clear()
