"""`evergreen release reconcile` after a run that was killed between the ledger and its set."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from made_shop import MODEL, Shop
from typer.testing import CliRunner

from evergreen.cli.root import app
from evergreen.domain.errors import PublishRefused


@pytest.fixture
def killed(promoted_once: tuple[Shop, dict[str, Any]], tmp_path: Path) -> Shop:
    """Version 1 is champion in the ledger; its set was never written."""
    shop = promoted_once[0].copy(tmp_path)
    shutil.rmtree(shop.settings.published_root(MODEL))
    return shop


def reconcile(shop: Shop) -> str:
    with shop.entered():
        return CliRunner().invoke(app, ["release", "reconcile"], catch_exceptions=False).stdout


def test_the_set_is_written_and_put_in_force(killed: Shop) -> None:
    key = killed.ledger.runs(MODEL)[0].run_key
    shutil.rmtree(f"{killed.settings.runs_root(MODEL)}/{key}/publish")
    assert reconcile(killed).splitlines() == [f"published: the set of version 1, from run {key}"]
    current = killed.published.current()
    assert current is not None
    assert (current.version, current.fence) == (1, 1)
    killed.published.verify(1)
    assert reconcile(killed) == "also_bought: ledger, CURRENT and registry agree\n"


def test_a_set_that_was_removed_later_is_told(killed: Shop) -> None:
    with pytest.raises(PublishRefused, match="the set of version 1 is gone although it was once"):
        reconcile(killed)
