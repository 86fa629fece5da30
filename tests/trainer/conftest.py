"""The made shop in three states, each built once: landed, trained, and with a first champion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_shop import END, MODEL, Shop, land, landed_window, make_models, make_orders
from mini_shop import make_mini

from evergreen.adapters.lake import Lake
from evergreen.trainer.dataset import build_dataset
from evergreen.trainer.fit import train


@pytest.fixture(scope="session")
def landed_once(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(folder / "home", folder / "lake", make_models(folder / "models"))
    land(Lake(f"{shop.lake_url}/{MODEL}"), make_orders(), landed_window())
    _ = shop.ledger
    return shop


@pytest.fixture(scope="session")
def trained_once(landed_once: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, str]:
    shop = landed_once.copy(tmp_path_factory.mktemp("trained"))
    key = shop.freeze()["run_key"]
    build_dataset(run_dir(shop, key), shop.settings)
    train(run_dir(shop, key), "full_28d")
    return shop, key


@pytest.fixture(scope="session")
def promoted_once(
    trained_once: tuple[Shop, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Shop, dict[str, Any]]:
    from evergreen.orchestration.in_process import retrain

    shop = trained_once[0].copy(tmp_path_factory.mktemp("promoted"))
    with shop.entered():
        return shop, retrain(shop.spec, until=END, reason="the first")


def run_dir(shop: Shop, key: str) -> str:
    return f"{shop.settings.runs_root(MODEL)}/{key}"


@pytest.fixture
def shop(landed_once: Shop, tmp_path: Path) -> Shop:
    """A shop with a lake, which is shared and must not be written."""
    return landed_once.copy(tmp_path)


@pytest.fixture
def own_lake(landed_once: Shop, tmp_path: Path) -> Shop:
    """A shop whose lake and models may be changed."""
    return landed_once.copy(tmp_path, lake=True, models=True)


@pytest.fixture
def trained(trained_once: tuple[Shop, str], tmp_path: Path) -> tuple[Shop, str]:
    """A shop with a trained run, and its run directory."""
    shop = trained_once[0].copy(tmp_path / "trained")
    return shop, run_dir(shop, trained_once[1])


@pytest.fixture(scope="session")
def mini_once(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make_mini(tmp_path_factory.mktemp("mini"))


@pytest.fixture
def mini(mini_once: Shop, tmp_path: Path) -> Shop:
    """A small shop whose lake and models may be changed."""
    return mini_once.copy(tmp_path, lake=True, models=True)
