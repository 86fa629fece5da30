"""The whole chain in one process: champion, no-op, hold, and going on after MLflow was down."""

from __future__ import annotations

import hashlib
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from made_shop import END, MODEL, Shop, make_models, spec_body

from evergreen.adapters.registry import Registry
from evergreen.adapters.reports import BODY, Reports
from evergreen.domain.errors import RegistryUnreachable
from evergreen.orchestration.in_process import retrain
from evergreen.trainer.manifest import RunDir

OTHER_WINDOW = timedelta(days=12)


@pytest.fixture
def promoted(
    promoted_once: tuple[Shop, dict[str, Any]], tmp_path: Path
) -> tuple[Shop, dict[str, Any]]:
    return promoted_once[0].copy(tmp_path), promoted_once[1]


def again(shop: Shop, **asked: Any) -> dict[str, Any]:
    with shop.entered():
        return retrain(shop.spec, until=END, **asked)


def versions(registry: Registry, key: str) -> list[int]:
    """Every version that MLflow has for a run key."""
    found = registry._client.search_model_versions(f"tags.`evergreen.run_key` = '{key}'")
    return [int(version.version) for version in found]


def test_the_first_champion_beats_popularity(promoted: tuple[Shop, dict[str, Any]]) -> None:
    shop, said = promoted
    assert (said["verdict"], said["expected"]) == ("PROMOTE", None)
    assert said["released"] == {"version": 1, "fence": 1}
    assert said["reasons"][0].startswith("better than popularity: ndcg@5 +")
    champion, current = shop.ledger.champion(MODEL), shop.published.current()
    assert champion is not None
    assert current is not None
    assert (champion.version, champion.as_of, champion.run_key) == (1, END, said["run_key"])
    assert champion.evidence["requested"] == "the first"
    assert champion.evidence["profile"]["ctr"]["rate"] > 0
    assert (current.version, current.fence) == (1, 1)
    assert shop.registry.champion(MODEL) == 1
    shop.published.verify(1)


def test_the_gate_s_report_is_in_the_run_and_in_mlflow(
    promoted_once: tuple[Shop, dict[str, Any]],
) -> None:
    shop, said = promoted_once
    reports = Reports(shop.settings.runs_root(MODEL))
    page, body = (reports.read(said["run_key"], "0", name) for name in ("report.html", BODY))
    assert b"PROMOTE" in page
    assert b"better than popularity: ndcg@5 +" in page
    client = shop.registry._client
    logged = client.get_model_version(MODEL, "1").run_id
    paths = {file.path for file in client.list_artifacts(logged, "gate/champion=0")}
    assert paths == {"gate/champion=0/report.html", "gate/champion=0/report.json"}
    uri = client.get_run(logged).info.artifact_uri.removeprefix("file://")
    assert Path(uri, "gate/champion=0", BODY).read_bytes() == body


def test_a_person_s_approval_is_waited_for(trained: tuple[Shop, str]) -> None:
    shop, _ = trained
    deploy = shop.spec.deploy.model_copy(update={"approval": "always"})
    spec, heard = shop.spec.model_copy(update={"deploy": deploy}), []
    with shop.entered():
        held = retrain(spec, until=END, say=heard.append)
        assert (held["verdict"], held["released"]) == ("PROMOTE", None)
        assert heard[-1] == "a person must approve this (deploy.approval: always): held"
        assert shop.ledger.champion(MODEL) is None
        done = retrain(spec, until=END, approved_by="ann", say=heard.append)
    assert done["run_key"] == held["run_key"]
    assert done["released"] == {"version": 1, "fence": 1}
    champion, run = shop.ledger.champion(MODEL), shop.ledger.run(done["run_key"])
    assert champion is not None
    assert run is not None
    approval = champion.evidence["approval"]
    assert (approval["answer"], approval["by"]) == ("promote", "ann")
    assert champion.reason.endswith(f"; {approval['text']}")
    assert (run.body or {})["approval"] == approval


def test_the_model_is_stored_as_ubj_and_nothing_as_a_pickle(
    promoted_once: tuple[Shop, dict[str, Any]], tmp_path: Path
) -> None:
    shop, said = promoted_once
    files = [p for p in (shop.home / "mlflow").rglob("*") if p.is_file()]
    assert [p.name for p in files if p.suffix in {".pkl", ".pickle", ".joblib"}] == []
    assert [p.name for p in files if p.read_bytes()[:1] == b"\x80"] == []  # a pickle's first byte
    fetched = shop.registry.fetch(MODEL, 1, "model.ubj", tmp_path)
    step = RunDir(f"{shop.settings.runs_root(MODEL)}/{said['run_key']}")
    made = Path(step.path("train/full_28d", "model.ubj")).read_bytes()
    assert hashlib.sha256(fetched.read_bytes()).digest() == hashlib.sha256(made).digest()


def test_the_same_window_again_is_no_work(promoted: tuple[Shop, dict[str, Any]]) -> None:
    shop, said = promoted
    folder = Path(f"{shop.settings.runs_root(MODEL)}/{said['run_key']}")
    made = {p: p.stat().st_mtime_ns for p in (*folder.glob("build*/*"), *folder.glob("train/*/*"))}
    for _ in range(2):
        repeated = again(shop)
        assert (repeated["version"], repeated["run_key"]) == (1, said["run_key"])
        assert (repeated["verdict"], repeated["released"]) == ("HOLD", None)
        assert repeated["reasons"] == [
            "version 1 was trained from this very window and is the champion"
        ]
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert versions(shop.registry, said["run_key"]) == [1]
    assert len(shop.ledger.releases(MODEL)) == 1
    run = shop.ledger.run(said["run_key"])
    assert run is not None
    assert run.verdict == "PROMOTE"


def test_a_challenger_of_the_same_data_is_held(promoted: tuple[Shop, dict[str, Any]]) -> None:
    shop, said = promoted
    forced = again(shop, force=True, reason="because")
    assert forced["run_key"] != said["run_key"]
    assert (forced["verdict"], forced["version"], forced["released"]) == ("HOLD", 2, None)
    assert forced["reasons"][0].startswith(
        "not proved better than the champion: ndcg@5 +0.0000 (+0.0%), 95 % interval +0.0000 "
    )
    runs = f"{shop.settings.runs_root(MODEL)}"
    models = [
        Path(RunDir(f"{runs}/{key}").path("train/full_28d", "model.ubj")).read_bytes()
        for key in (said["run_key"], forced["run_key"])
    ]
    assert models[0] == models[1]  # two runs with the same seed
    champion, current = shop.ledger.champion(MODEL), shop.published.current()
    assert champion is not None
    assert current is not None
    assert (champion.version, current.version, shop.registry.champion(MODEL)) == (1, 1, 1)
    assert not shop.published.has(2)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_it_goes_on_where_it_stopped_once_mlflow_is_up(
    promoted: tuple[Shop, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = promoted
    with monkeypatch.context() as patch:
        patch.setenv("EVERGREEN_MLFLOW_URL", f"http://127.0.0.1:{closed_port()}")
        with pytest.raises(RegistryUnreachable, match=r"then run again: what was done already is"):
            again(shop, window=OTHER_WINDOW)
    (key,) = [r.run_key for r in shop.ledger.runs(MODEL) if r.verdict is None]
    run = RunDir(f"{shop.settings.runs_root(MODEL)}/{key}")
    model = Path(run.path("train/full_28d", "model.ubj"))
    before = model.stat().st_mtime_ns
    done = again(shop, window=OTHER_WINDOW)
    assert done["run_key"] == key
    assert done["version"] == 2
    assert model.stat().st_mtime_ns == before
    assert versions(shop.registry, key) == [2]


def test_the_variants_of_a_second_retraining(
    promoted_once: tuple[Shop, dict[str, Any]], tmp_path: Path
) -> None:
    """The next day all three are trained, one of them from the champion in MLflow."""
    shop = promoted_once[0].copy(tmp_path, models=True)
    variants = ["full_28d", "recent_7d", "fresh_24h"]
    make_models(shop.models_dir, spec_body(train={"variants": variants, "min_rows": 1}))
    with shop.entered():
        said = retrain(shop.spec, until=END + timedelta(days=1), reason="the next day")
    run = RunDir(f"{shop.settings.runs_root(MODEL)}/{said['run_key']}")
    assert run.manifest()["base"] == {"version": 1, "as_of": END.isoformat()}
    trained = {name: run.require(f"train/{name}") for name in variants}
    fresh = trained["fresh_24h"]
    assert fresh["skipped"].startswith("no round more lowers the validation loss of version 1")
    assert trained["recent_7d"]["train_rows"] < trained["full_28d"]["train_rows"]
    evaluated = run.require("evaluate/champion=1")
    assert evaluated["variants"]["fresh_24h"] == {"skipped": fresh["skipped"]}
    losses = {name: trained[name]["valid_logloss"] for name in variants[:2]}
    assert losses[evaluated["variant"]] == min(losses.values())
