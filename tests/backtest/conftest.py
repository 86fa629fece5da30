"""The built-in shop with a quick spec: as a history, and as a whole installation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from quick_shop import DAY, MODEL, make_models

from evergreen.backtest.cache import Cache
from evergreen.backtest.history import History
from evergreen.backtest.workshop import Workshop
from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.config.settings import settings
from evergreen.storefront import shop
from evergreen.storefront.cleaning import clean
from evergreen.trainer.model_code import load_code


@pytest.fixture(scope="session")
def orders() -> pl.DataFrame:
    """The built-in shop's orders of its first eight weeks."""
    cleaned = clean(shop.built_in_log()).orders
    return cleaned.filter(pl.col("order_time") < shop.START + 56 * DAY)


@pytest.fixture(scope="session")
def history(orders: pl.DataFrame) -> History:
    return History.of(orders)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_models(tmp_path_factory.mktemp("models"))


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


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Path]:
    """Return the home of an installation that this process works in."""
    home = tmp_path_factory.mktemp("installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_HOME", str(home))
        patch.setenv("EVERGREEN_MODELS_DIR", str(models_dir))
        patch.setattr(os, "fsync", lambda _: None)
        settings.cache_clear()
        yield home
    settings.cache_clear()
