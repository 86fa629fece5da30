"""A world with one champion, version 1, that earns a CTR of 10 %."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_world import World, make_world

from evergreen.adapters.ledger import Ledger


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger; migrating takes longer than most tests here."""
    folder = tmp_path_factory.mktemp("migrated")
    ledger = Ledger(f"sqlite:///{folder}/ledger.db")
    ledger.migrate()
    ledger.close()
    return folder / "ledger.db"


@pytest.fixture
def empty_world(tmp_path: Path, migrated: Path) -> Iterator[World]:
    shutil.copyfile(migrated, tmp_path / "ledger.db")
    world = make_world(tmp_path)
    yield world
    world.ledger.close()


@pytest.fixture
def world(empty_world: World) -> World:
    empty_world.release(1)
    return empty_world
