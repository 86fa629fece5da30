"""`evergreen status` says what the panel shows, in a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evergreen.adapters.installation import open_ledger
from evergreen.cli.root import app
from evergreen.config.settings import settings
from made_models import add_model, decide, every_state, measure, release


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def test_every_model_is_a_row_worst_first(models: Path) -> None:
    ledger = open_ledger()
    made = every_state(models, ledger)
    ledger.close()
    said = CliRunner().invoke(app, ["status"])
    assert said.exit_code == 0
    rows = [line for line in said.stdout.splitlines() if any(name in line for name in made)]
    assert rows[0].startswith("│ broken_yaml")
    assert all(any(name in row for row in rows) for name in made)
    assert "2 hours in quarantine" in said.stdout
    assert "<script>alert(1)</script>" in said.stdout


def test_json_has_the_same_facts(models: Path) -> None:
    ledger = open_ledger()
    add_model(models, "coats")
    add_model(models, "shoes")
    release(ledger, "coats")
    measure(ledger, "coats", hours=2)
    decide(ledger, "coats", "healthy", "as expected")
    ledger.close()
    said = CliRunner().invoke(app, ["status", "--model", "coats", "--json"])
    assert said.exit_code == 0
    (model,) = json.loads(said.stdout)["models"]
    assert (model["model"], model["state"], model["measured_hour"]) == (
        *("coats", "healthy"),
        "2011-05-31T23:00:00+00:00",
    )
    assert "spark" not in model


def test_a_name_cannot_steer_the_terminal(models: Path) -> None:
    ledger = open_ledger()
    add_model(models, "coats")
    release(ledger, "coats")
    measure(ledger, "coats", hours=2)
    decide(ledger, "coats", "warn", "\x1b[2Jgone [red]not red")
    ledger.close()
    said = CliRunner().invoke(app, ["status"])
    assert "\x1b" not in said.stdout
    assert "?[2Jgone [red]not red" in " ".join(said.stdout.split())


def test_none_and_unknown(models: Path) -> None:
    assert "no model" in CliRunner().invoke(app, ["status"]).stdout
    said = CliRunner().invoke(app, ["status", "--model", "nope"])
    assert said.exit_code != 0
    assert "no model is named 'nope'" in str(said.exception)
