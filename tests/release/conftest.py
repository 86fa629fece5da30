"""One model with its ledger, published sets and a registry of aliases."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_releases import Aliases

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec


@pytest.fixture
def spec() -> ModelSpec:
    return ModelSpec(model="also_bought", description="", owner="team")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.migrate()
    return ledger


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(f"{tmp_path}/published")


@pytest.fixture
def registry(tmp_path: Path) -> Aliases:
    return Aliases(tmp_path / "alias")
