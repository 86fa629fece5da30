"""`evergreen reproduce` of a promoted version: the same digest, or what is not as it was then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from made_shop import MODEL, Shop
from typer.testing import CliRunner

from evergreen.cli.root import app
from evergreen.domain.errors import VersionUnknown


@pytest.fixture
def promoted(promoted_once: tuple[Shop, dict[str, Any]], tmp_path: Path) -> Shop:
    return promoted_once[0].copy(tmp_path, models=True)


def reproduce(shop: Shop, version: int = 1) -> tuple[int, dict[str, Any]]:
    with shop.entered():
        command = ["reproduce", str(version), "--model", MODEL, "--json"]
        done = CliRunner().invoke(app, command)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, json.loads(done.stdout)


def test_a_promoted_version_comes_out_the_same(promoted: Shop) -> None:
    releases = promoted.ledger.releases(MODEL)
    code, said = reproduce(promoted)
    assert (code, said["equal"], said["differences"]) == (0, True, [])
    assert said["found"] == said["expected"] == releases[0].evidence["model_sha256"]
    assert said["run_key"] == releases[0].run_key
    assert promoted.ledger.releases(MODEL) == releases
    assert len(promoted.ledger.runs(MODEL)) == 1


def test_without_the_run_directory_the_registered_manifest_does(promoted: Shop) -> None:
    shutil.rmtree(f"{promoted.settings.runs_root(MODEL)}/{promoted.ledger.runs(MODEL)[0].run_key}")
    code, said = reproduce(promoted)
    assert (code, said["equal"]) == (0, True)


def test_other_code_is_told_and_trains_nothing(promoted: Shop) -> None:
    features = promoted.models_dir / MODEL / "features.py"
    features.write_text(features.read_text() + "\n# another day\n")
    code, said = reproduce(promoted)
    assert (code, said["found"], said["equal"]) == (1, None, False)
    assert said["differences"][0].startswith("features.py has changed: sha256 ")


def test_a_file_that_is_gone_is_named_with_its_generation(promoted: Shop) -> None:
    manifest = next(Path(promoted.settings.runs_root(MODEL)).glob("*/manifest.json"))
    body = json.loads(manifest.read_text())
    body["files"][0]["path"] = "hour=2011-02-07T08/gone.parquet"
    manifest.write_text(json.dumps(body))
    code, said = reproduce(promoted)
    assert (code, said["found"]) == (1, None)
    assert said["differences"] == [
        f"1 of {len(body['files'])} files are gone, as those hours were landed again or removed: "
        "hour=2011-02-07T08/gone.parquet (generation 1)"
    ]


def test_another_model_in_the_ledger_is_another_model(promoted: Shop) -> None:
    ledger, first = promoted.ledger, promoted.ledger.releases(MODEL)[0]
    for version, expected, digest in ((9, 1, "e" * 64), (1, 9, "f" * 64)):
        ledger.release(
            MODEL,
            version,
            expected=expected,
            kind="rollback",
            run_key=first.run_key,
            as_of=first.as_of,
            reason="made up",
            evidence={"model_sha256": digest},
        )
    code, said = reproduce(promoted)
    assert (code, said["expected"], said["equal"]) == (1, "f" * 64, False)
    assert said["found"] == first.evidence["model_sha256"]
    assert Path(said["run_dir"], "manifest.json").exists()
    shutil.rmtree(Path(said["run_dir"]).parent)


def test_a_version_that_nobody_made(promoted: Shop) -> None:
    with pytest.raises(VersionUnknown, match="no retraining in the ledger made version 7"):
        reproduce(promoted, 7)
