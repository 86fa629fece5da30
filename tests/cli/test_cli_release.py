"""`evergreen release …` on a home of its own; the alias is kept in a dict instead of MLflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.published import Published
from evergreen.adapters.registry import Registry
from evergreen.cli.release import app
from evergreen.config.settings import settings
from evergreen.domain.errors import VersionUnknown

AS_OF = datetime(2011, 5, 2, 13, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "models" / "also_bought"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text("model: also_bought\ndescription: d\nowner: o\n")
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
    aliases: dict[str, int] = {}
    monkeypatch.setattr(Registry, "champion", lambda _, model: aliases.get(model))
    monkeypatch.setattr(Registry, "set_champion", lambda _, m, v: aliases.update({m: v}))
    fences: dict[str, int] = {}
    monkeypatch.setattr(Registry, "followed", lambda _, model: fences.get(model))
    monkeypatch.setattr(Registry, "set_followed", lambda _, m, f: fences.update({m: f}))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def two_releases(home: Path) -> Ledger:
    ledger = Ledger(settings().ledger)
    ledger.migrate()
    published = Published(settings().published_root("also_bought"))
    types = {"rank": pl.Int16, "score": pl.Float32}
    popular = pl.DataFrame({"item_id": ["a"], "rank": [1], "score": [0.5]}, schema_overrides=types)
    lists = popular.insert_column(0, pl.Series("context_item_id", ["b"]))
    for version, expected in [(1, None), (2, 1)]:
        published.write(version, lists, popular.drop("context_item_id", strict=False), as_of=AS_OF)
        release = ledger.release(
            "also_bought",
            version,
            expected=expected,
            kind="promotion",
            run_key=f"run-{version}",
            as_of=AS_OF,
            reason=f"gain {version}",
            evidence={},
        )
    published.flip(2, release.fence)
    return ledger


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_history_of_nothing(home: Path) -> None:
    assert run("history") == "also_bought: nothing was released yet\n"
    assert json.loads(run("history", "--json")) == {"model": "also_bought", "releases": []}


def test_history_is_newest_first(two_releases: Ledger) -> None:
    said = json.loads(run("history", "--model", "also_bought", "--json"))["releases"]
    assert [(r["fence"], r["version"], r["reason"]) for r in said] == [
        (2, 2, "gain 2"),
        (1, 1, "gain 1"),
    ]
    assert said[0]["as_of"] == "2011-05-02T13:00:00+00:00"
    table = run("history")
    assert table.index("gain 2") < table.index("gain 1")


def test_rollback_puts_the_version_in_force(two_releases: Ledger) -> None:
    said = json.loads(run("rollback", "--version", "1", "--reason", "CTR fell", "--json"))
    assert (said["release"]["kind"], said["release"]["fence"]) == ("rollback", 3)
    assert said["changed"] == [
        "CURRENT: version 2 → version 1 (release 3)",
        "alias champion: none → version 1",
    ]
    current = Published(settings().published_root("also_bought")).current()
    assert current is not None
    assert (current.version, current.fence) == (1, 3)
    assert run("rollback", "--version", "2", "--reason", "was fine").startswith(
        "also_bought: version 2 is champion instead of 1 (release 4): was fine\nCURRENT: version 1"
    )


def test_rollback_needs_a_reason_and_a_version_that_was(two_releases: Ledger) -> None:
    refused = CliRunner().invoke(app, ["rollback", "--version", "1", "--reason", " "])
    assert refused.exit_code == 2
    with pytest.raises(VersionUnknown, match="version 9 was never released"):
        run("rollback", "--version", "9", "--reason", "x")


def test_reconcile_says_what_it_changed(two_releases: Ledger) -> None:
    assert run("reconcile") == "alias champion: none → version 2\n"
    assert run("reconcile") == "also_bought: ledger, CURRENT and registry agree\n"
    assert json.loads(run("reconcile", "--json")) == {
        "model": "also_bought",
        "champion": 2,
        "changed": [],
    }
