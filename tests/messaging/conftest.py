"""An installation whose Slack is the fake: on SQLite, and where it may matter on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_thread import World, made_world

from evergreen.adapters.ledger import Ledger
from fake_slack import FakeSlack, fake_slack
from ledgers import ledger, ledger_url, postgres_socket

__all__ = ["both", "ledger", "ledger_url", "postgres_socket", "slack", "world"]


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    """A workspace with the channels #shop and #oncall."""
    with fake_slack() as workspace:
        yield workspace


@pytest.fixture
def world(tmp_path: Path, slack: FakeSlack) -> Iterator[World]:
    """A model with a channel, its ledger, and couriers."""
    kept = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    kept.migrate()
    yield made_world(kept, slack)
    kept.close()


@pytest.fixture
def both(ledger: Ledger, slack: FakeSlack) -> World:
    """The same, once on SQLite and once on PostgreSQL."""
    return made_world(ledger, slack)
