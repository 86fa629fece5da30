"""`evergreen release show` and `diff` over a version that was really trained and promoted."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from made_shop import END, MODEL, Shop
from typer.testing import CliRunner

from evergreen.cli.root import app
from evergreen.domain.errors import VersionUnknown

RULE = {
    "name": "slice",
    "subject": "country=France",
    "value": -0.1,
    "lower": -0.2,
    "upper": -0.05,
    "bound": 0.0,
    "rows": 900,
    "clusters": 41,
    "verdict": "fail",
    "text": "worse in France",
}
TRIAL = {
    "version": 2,
    "fence": 2,
    "reason": "CTR 1.00%",
    "bound": 0.05,
    "ctr": {"value": 0.01, "lower": 0.005, "upper": 0.02, "trials": 3_000, "clusters": 6},
}


@pytest.fixture
def promoted(promoted_once: tuple[Shop, dict[str, Any]], tmp_path: Path) -> Shop:
    """Version 1, trained; version 2, made up and asked for by the monitor; then its probation."""
    shop = promoted_once[0].copy(tmp_path)
    ledger, first = shop.ledger, shop.ledger.releases(MODEL)[0]
    for action, evidence in (
        ("request_retrain", {}),
        ("request_rollback", {"probation": {"fence": 2}}),
    ):
        hour = END + timedelta(hours=len(action))
        body = {"hour": f"{hour:%Y-%m-%dT%H}", "reasons": ["ctr: fell"], "evidence": evidence}
        ledger.put_decision(MODEL, hour, action=action, body=body, replay=False)
    said = {**first.evidence, "rules": [RULE], "requested": "ctr: fell", "trigger": "asset"}
    add = {"run_key": "gone", "as_of": END, "reason": "better; much better"}
    ledger.release(MODEL, 2, expected=1, kind="promotion", evidence=said, **add)
    ledger.release(
        MODEL,
        1,
        expected=2,
        kind="probation",
        run_key=first.run_key,
        as_of=END,
        reason="version 2 failed its probation",
        evidence={"verdict": TRIAL, "failed_fence": 2, "replaced_version": 2},
    )
    return shop


def run(shop: Shop, *arguments: str) -> str:
    with shop.entered():
        done = CliRunner().invoke(app, ["release", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_promotion_down_to_its_manifest(promoted: Shop) -> None:
    said = json.loads(run(promoted, "show", "--fence", "1", "--json"))
    first = promoted.ledger.releases(MODEL)[0]
    manifest = json.loads(Path(said["training"]["manifest"]).read_text())
    assert (said["version"], said["kind"], said["verdict"]) == (1, "promotion", "PROMOTE")
    assert said["rules"] == first.evidence["rules"]
    assert said["window"] == manifest["window"]
    assert said["training"]["variant"] == "full_28d"
    assert said["training"]["run_key"] == manifest["run_key"]
    assert said["training"]["files"] == len(manifest["files"])
    assert said["training"]["generations"] == {"1": len(manifest["files"])}
    assert said["digests"] == {
        "model": first.evidence["model_sha256"],
        "features.py": manifest["code"],
    }
    assert said["params"]["max_depth"] == 3
    assert said["requested"]["reason"] == "the first"
    text = run(promoted, "show", "--fence", "1")
    assert f"manifest: {said['training']['manifest']}" in text
    assert f"model: {first.evidence['model_sha256']}" in text


def test_which_decision_asked_for_it(promoted: Shop) -> None:
    """Its run directory is gone: everything in the ledger is told all the same."""
    said = json.loads(run(promoted, "show", "--version", "2", "--json"))
    assert said["requested"]["decision"]["action"] == "request_retrain"
    assert said["requested"]["decision"]["reasons"] == ["ctr: fell"]
    assert (said["window"], said["training"]["files"]) == (None, None)
    assert said["reasons"] == ["better", "much better"]
    text = run(promoted, "show", "--version", "2")
    assert (
        "  fail: slice country=France: value -0.1, lower -0.2, upper -0.05, bound 0, 900 rows, "
        "41 clusters; worse in France" in text
    )
    assert "by the monitor's decision" in text


def test_a_probation_tells_what_was_judged(promoted: Shop) -> None:
    said = json.loads(run(promoted, "show", "--version", "1", "--json"))
    assert (said["fence"], said["kind"], said["verdict"]) == (3, "probation", "failed probation")
    assert said["rules"][0]["name"] == "probation"
    assert (said["rules"][0]["value"], said["rules"][0]["rows"]) == (0.01, 3_000)
    assert said["requested"]["decision"]["action"] == "request_rollback"
    assert said["metrics"]["challenger"]  # of the version's own promotion


def test_a_version_that_was_held(promoted: Shop) -> None:
    ledger = promoted.ledger
    ledger.open_run(MODEL, "k3", trigger="asset", manifest={"reason": "ctr: fell"})
    body = {"reasons": ["worse in France"], "expected": 1, "evidence": {"rules": [RULE]}}
    ledger.close_run("k3", verdict="HOLD", version=3, body=body)
    said = json.loads(run(promoted, "show", "--version", "3", "--json"))
    assert (said["verdict"], said["kind"], said["fence"]) == ("HOLD", "never released", None)
    assert (said["reasons"], said["compared_with"]) == (["worse in France"], 1)
    assert said["rules"] == [RULE]
    assert said["requested"]["decision"]["action"] == "request_retrain"
    text = run(promoted, "show", "--version", "3")
    assert text.startswith("version 3, never released, ")
    assert "verdict: HOLD\n  worse in France\n" in text


def test_one_release_has_to_be_named_and_to_exist(promoted: Shop) -> None:
    refused = CliRunner().invoke(app, ["release", "show", "--fence", "1", "--version", "1"])
    assert refused.exit_code == 2
    with pytest.raises(VersionUnknown, match=r"no release 9; its releases are 1 \(version 1\), 2"):
        run(promoted, "show", "--fence", "9")


def test_diff_names_what_two_versions_do_not_share(promoted: Shop) -> None:
    runs = Path(promoted.settings.runs_root(MODEL))
    shutil.copytree(runs / promoted.ledger.runs(MODEL)[0].run_key, runs / "gone")
    manifest = json.loads((runs / "gone" / "manifest.json").read_text())
    manifest["window"]["end"] = "2012-01-01T00:00:00+00:00"
    manifest["spec"]["train"]["rounds"] = 31
    manifest["code"] = "0" * 64
    (runs / "gone" / "manifest.json").write_text(json.dumps(manifest))
    found = json.loads(run(promoted, "diff", "1", "2", "--json"))["differences"]
    assert found["window"] == {"end": [END.isoformat(), "2012-01-01T00:00:00+00:00"]}
    assert found["spec"] == {"train.rounds": [30, 31]}
    assert list(found["code"]) == ["code"]
    assert found["rules"]["slice country=France.value"] == [None, -0.1]
    assert "params" not in found
    assert "metrics" not in found
    text = run(promoted, "diff", "1", "2")
    assert "spec:\n  train.rounds: 30 → 31\n" in text
    assert (
        run(promoted, "diff", "1", "1") == "also_bought: version 1 → version 1\nnothing differs\n"
    )
