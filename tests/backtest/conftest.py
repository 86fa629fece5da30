"""The built-in shop with a quick spec: as a history, and as a whole installation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from evergreen.backtest.cache import Cache
from evergreen.backtest.history import History
from evergreen.backtest.workshop import Workshop
from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.config.settings import PROJECT, settings
from evergreen.storefront import shop
from evergreen.storefront.cleaning import clean
from evergreen.trainer.model_code import load_code

MODEL = "also_bought"
DAY = timedelta(days=1)
OPENED = shop.START + 28 * DAY
"""The first hour that is replayed: four weeks lie before it."""
QUICK: dict[str, dict[str, Any]] = {
    "train": {
        "window": "14d",
        "lookback": "14d",
        "validation": "2d",
        "rounds": 20,
        "params": {"max_depth": 3, "min_child_weight": 50, "nthread": 1},
        "min_rows": 100,
    },
    "gate": {"holdout": "3d", "min_page_views": 50},
}


@pytest.fixture(scope="session")
def orders() -> pl.DataFrame:
    """The built-in shop's orders of its first six weeks, 42 days."""
    cleaned = clean(shop.built_in_log()).orders
    return cleaned.filter(pl.col("order_time") < shop.START + 42 * DAY)


@pytest.fixture(scope="session")
def history(orders: pl.DataFrame) -> History:
    return History.of(orders)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with also_bought, quick to train and quick to alarm."""
    folder = tmp_path_factory.mktemp("models") / MODEL
    shutil.copytree(
        PROJECT / "include" / "models" / MODEL,
        folder,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    body = yaml.safe_load((folder / "model.yaml").read_text())
    for section, keys in QUICK.items():
        body[section] = {**body[section], **keys}
    body["monitor"]["fallback"] = {"max_share": 0.004}  # so that something is asked for
    (folder / "model.yaml").write_text(yaml.safe_dump(body))
    return folder.parent


@pytest.fixture(scope="session")
def spec(models_dir: Path) -> ModelSpec:
    return load_spec(models_dir / MODEL)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """Work that the tests share."""
    return Cache(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="session")
def make_workshop(models_dir: Path, spec: ModelSpec, kept: Cache) -> Callable[..., Workshop]:
    """Return what opens the tools over a history."""
    code = load_code(models_dir, MODEL)

    def make(history: History, *, cache: Cache = kept, spec: ModelSpec = spec) -> Workshop:
        return Workshop.of(history, spec, code, cache, "tests")

    return make


@pytest.fixture
def installation(tmp_path: Path, models_dir: Path) -> Iterator[Path]:
    """Return the home of an installation that this process works in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_HOME", str(tmp_path))
        patch.setenv("EVERGREEN_MODELS_DIR", str(models_dir))
        patch.setattr(os, "fsync", lambda _: None)
        settings.cache_clear()
        yield tmp_path
    settings.cache_clear()
