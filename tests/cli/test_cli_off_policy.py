"""`evergreen off-policy` on a home of its own: files, published versions, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from evergreen.adapters.installation import open_lake, open_published, spec_of
from evergreen.cli.root import app
from evergreen.config.settings import settings

MODEL = "also_bought"
NOON = datetime(2011, 5, 2, 12, tzinfo=UTC)
ASK = ["off-policy", "--model", MODEL, "--from", "2011-05-02T12", "--to", "2011-05-02T13"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A log of 2,000 page views that show `good` or `bad` evenly; 30 % and 10 % are clicked."""
    folder = tmp_path / "models" / MODEL
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(f"model: {MODEL}\ndescription: d\nowner: o\n")
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
    settings.cache_clear()
    rows = pl.DataFrame({"n": range(2_000)}).select(
        event_time=pl.lit(NOON, pl.Datetime("us", "UTC")),
        page_view_id=pl.format("p{}", "n"),
        context_item_id=pl.lit("c"),
        item_id=pl.when(pl.col("n") % 2 == 0).then(pl.lit("good")).otherwise(pl.lit("bad")),
        position=pl.lit(1, pl.Int8),
        score=pl.lit(0.5, pl.Float32),
        model_version=pl.lit("1"),
        clicked=(pl.col("n") // 2 % 10) < pl.when(pl.col("n") % 2 == 0).then(3).otherwise(1),
        source=pl.lit("model"),
        propensity=pl.lit(0.5, pl.Float32),
    )
    spec = spec_of(MODEL)
    open_lake(spec).land_hour("impressions", NOON, rows)
    for version, item in ((1, "bad"), (2, "good")):
        lists = pl.DataFrame({"context_item_id": ["c"], "item_id": [item]}).with_columns(
            rank=pl.lit(1, pl.Int16), score=pl.lit(0.5, pl.Float32)
        )
        popular = pl.DataFrame({"item_id": [item]}).with_columns(
            rank=pl.lit(1, pl.Int16), score=pl.lit(0.5, pl.Float32)
        )
        open_published(spec).write(version, lists, popular, as_of=NOON)
    yield tmp_path
    settings.cache_clear()


def test_a_published_version_against_another(home: Path) -> None:
    said = CliRunner().invoke(app, [*ASK, "--policy", "2", "--against", "1", "--json"])
    assert said.exit_code == 0, said.output
    found = json.loads(said.output)
    assert (found["logged"]["value"], found["snips"]["value"]) == (0.2, 0.3)
    assert found["compared"]["value"] == 0.1
    assert found["gain"]["lower"] > 0.1
    assert found["doubly_robust"]["lower"] < 0.3 < found["doubly_robust"]["upper"]


def test_for_people(home: Path) -> None:
    (home / "policy.csv").write_text("item_id,probability\ngood,1\n")
    said = CliRunner().invoke(app, [*ASK, "--policy", str(home / "policy.csv")])
    assert said.exit_code == 0, said.output
    lines = said.output.splitlines()
    assert [line[:13].strip() for line in lines[:6]] == [
        *("logged", "compared", "ips", "snips", "doubly robust", "gain")
    ]
    assert lines[-1] == "effective sample of 1,000 of 2,000 impressions, 500 needed"


def test_a_refusal_is_said_and_has_its_exit_code(home: Path) -> None:
    said = CliRunner().invoke(app, [*ASK, "--policy", "2", "--min-effective-sample", "1500"])
    assert said.exit_code == 3
    assert "refused: effective sample of 1,000 of 2,000 impressions, 1,500 needed" in said.output


def test_a_version_that_was_never_published(home: Path) -> None:
    said = CliRunner().invoke(app, [*ASK, "--policy", "9"])
    assert said.exit_code != 0
    assert "version 9" in str(said.exception or said.output)
