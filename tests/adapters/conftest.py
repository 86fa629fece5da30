"""Ledgers on both databases, a lake on the disk, and Great Expectations' context."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from evergreen.adapters.lake import Lake
from evergreen.config.settings import PROJECT, settings
from ledgers import ledger, ledger_url, postgres_socket

__all__ = ["ledger", "ledger_url", "postgres_socket"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


@pytest.fixture(scope="module")
def gx_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A context whose suites are this test's own."""
    folder = tmp_path_factory.mktemp("gx") / "great_expectations"
    shutil.copytree(
        PROJECT / "great_expectations", folder, ignore=shutil.ignore_patterns("expectations")
    )
    models = tmp_path_factory.mktemp("models")
    (models / "shop").mkdir()
    (models / "shop" / "model.yaml").write_text("model: shop\ndescription: d\nowner: o\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_GX_DIR", str(folder))
        patch.setenv("EVERGREEN_MODELS_DIR", str(models))
        settings.cache_clear()
        yield folder
    settings.cache_clear()
