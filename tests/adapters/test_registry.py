"""The registry over a real local MLflow: versions, aliases, what is refused, what is down."""

from __future__ import annotations

import hashlib
import pickle
import socket
from pathlib import Path

import numpy as np
import pytest
import xgboost

from evergreen.adapters.registry import Registry
from evergreen.domain.errors import ArtifactRefused, RegistryUnreachable, VersionUnknown

FEATURES = ["lift_7d", "count_28d", "price_ratio"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(7)
    rows = xgboost.DMatrix(rng.random((200, 3)), label=rng.random(200) > 0.5)
    params = {"objective": "binary:logistic", "nthread": 1}
    xgboost.train(params, rows, 3).save_model(folder / "booster.ubj")
    (folder / "p.json").write_text('{"bins": []}')
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def registry(home: Path) -> Registry:
    return Registry(f"sqlite:///{home}/mlflow/mlflow.db", artifacts=f"{home}/mlflow/artifacts")


def register(registry: Registry, files: Path, model: str, run_key: str, **changes: object) -> int:
    said = {
        "booster_file": files / "booster.ubj",
        "features": FEATURES,
        "params": {"max_depth": 6, **{f"p{n}": n for n in range(120)}},
        "metrics": {"ndcg_at_5": 0.25},
        "artifacts": {"profile.json": files / "p.json"},
        "tags": {"git_commit": "abc"},
    }
    return registry.register(model, run_key=run_key, **{**said, **changes})  # type: ignore[arg-type]


def test_versions_count_up_and_a_run_key_has_one(registry: Registry, files: Path) -> None:
    assert registry.version_of("counted", "k1") is None
    assert register(registry, files, "counted", "k1") == 1
    assert register(registry, files, "counted", "k2") == 2
    assert register(registry, files, "counted", "k1") == 1
    assert registry.version_of("counted", "k2") == 2
    client = registry._client
    assert len(client.search_model_versions("name = 'counted'")) == 2
    assert int(client.get_model_version_by_alias("counted", "challenger").version) == 2


def test_a_version_holds_what_made_it(registry: Registry, files: Path) -> None:
    version = register(registry, files, "made", "k1")
    known = registry._client.get_model_version("made", str(version))
    digest = hashlib.sha256((files / "booster.ubj").read_bytes()).hexdigest()
    assert known.tags == {
        "git_commit": "abc",
        "evergreen.run_key": "k1",
        "evergreen.sha256": digest,
    }
    run = registry._client.get_run(known.run_id)
    assert run.data.metrics == {"ndcg_at_5": 0.25}
    assert len(run.data.params) == 121
    assert (run.data.params["max_depth"], run.info.status) == ("6", "FINISHED")


def test_a_version_has_a_page_where_mlflow_has_pages(registry: Registry, files: Path) -> None:
    version = register(registry, files, "paged", "k1")
    assert registry.run_page("paged", version, "") == ""
    page = registry.run_page("paged", version, "https://mlflow.example")
    experiment = registry._client.get_experiment_by_name("paged")
    (run,) = registry._client.search_runs([experiment.experiment_id])
    assert page == (
        f"https://mlflow.example/#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}"
    )


def test_files_are_attached_to_a_version_and_replaced(registry: Registry, files: Path) -> None:
    version = register(registry, files, "attached", "k1")
    for text in (b"old", b"new"):
        registry.attach("attached", version, "gate/champion=0", {"report.json": text})
    run_id = registry._client.get_model_version("attached", str(version)).run_id
    (found,) = registry._client.list_artifacts(run_id, "gate/champion=0")
    assert found.path == "gate/champion=0/report.json"
    root = registry._client.get_run(run_id).info.artifact_uri.removeprefix("file://")
    assert Path(root, found.path).read_bytes() == b"new"
    with pytest.raises(VersionUnknown, match="attached has no version 9"):
        registry.attach("attached", 9, "gate/champion=0", {"report.json": b""})


def test_mlflow_loads_the_model_by_its_alias(
    registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    import pandas as pd

    register(registry, files, "loaded", "k1")
    registry.set_champion("loaded", 1)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.url)
    model = mlflow.pyfunc.load_model("models:/loaded@champion")
    row = pd.DataFrame([[0.5, 0.5, 0.5]], columns=FEATURES, dtype="float32")
    booster = xgboost.Booster(model_file=files / "booster.ubj")
    assert model.predict(row)[0] == booster.predict(xgboost.DMatrix(row.to_numpy()))[0]
    assert model.metadata.get_input_schema().input_names() == FEATURES
    assert [c.type.name for c in model.metadata.get_input_schema()] == ["float"] * 3
    assert model.metadata.get_output_schema().input_names() == ["score"]


def test_fetch_gives_the_file_that_was_trained(
    registry: Registry, files: Path, tmp_path: Path
) -> None:
    version = register(registry, files, "fetched", "k1")
    booster = registry.fetch("fetched", version, "model.ubj", tmp_path / "champion")
    profile = registry.fetch("fetched", version, "profile.json", tmp_path / "champion")
    assert booster == tmp_path / "champion" / "model.ubj"
    assert booster.read_bytes() == (files / "booster.ubj").read_bytes()
    assert profile.read_text() == '{"bins": []}'
    with pytest.raises(VersionUnknown, match=r"no artifact gate.json; it has .*profile.json"):
        registry.fetch("fetched", version, "gate.json", tmp_path)


def stored(home: Path, registry: Registry, model: str) -> Path:
    run_id = registry._client.get_model_version(model, "1").run_id
    return home / "mlflow" / "artifacts" / model / run_id / "artifacts"


def test_a_model_that_was_swapped_is_refused(
    registry: Registry, home: Path, files: Path, tmp_path: Path
) -> None:
    register(registry, files, "swapped", "k1")
    other = stored(home, registry, "swapped") / "model" / "model.ubj"
    other.write_bytes(other.read_bytes()[:-1] + b"]")
    with pytest.raises(ArtifactRefused, match=r"swapped version 1: model.ubj is not the file that"):
        registry.fetch("swapped", 1, "model.ubj", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_the_ledger_s_is_refused_though_the_registry_agrees_with_itself(
    registry: Registry, home: Path, files: Path, tmp_path: Path
) -> None:
    """Somebody put another file there and made the tag fit."""
    register(registry, files, "forged", "k1")
    trained = hashlib.sha256((files / "booster.ubj").read_bytes()).hexdigest()
    registry.fetch("forged", 1, "model.ubj", tmp_path / "before", sha256=trained)
    other = stored(home, registry, "forged") / "model" / "model.ubj"
    other.write_bytes(other.read_bytes()[:-1] + b"]")
    forged = hashlib.sha256(other.read_bytes()).hexdigest()
    registry._client.set_model_version_tag("forged", "1", "evergreen.sha256", forged)
    registry.fetch("forged", 1, "model.ubj", tmp_path / "without")  # nothing else to go by
    with pytest.raises(ArtifactRefused, match=r"forged version 1: the registry's digest is not"):
        registry.fetch("forged", 1, "model.ubj", tmp_path / "after", sha256=trained)
    assert not (tmp_path / "after").exists()


def test_the_alias_s_release_is_remembered(registry: Registry, files: Path) -> None:
    register(registry, files, "followed", "k1")
    assert registry.followed("followed") is None
    assert registry.followed("never") is None
    registry.set_followed("followed", 7)
    assert registry.followed("followed") == 7


def test_a_pickle_beside_the_model_is_refused(
    registry: Registry, home: Path, files: Path, tmp_path: Path
) -> None:
    register(registry, files, "pickled", "k1")
    folder = stored(home, registry, "pickled")
    (folder / "profile.json").write_bytes(pickle.dumps({"bins": []}))
    with pytest.raises(ArtifactRefused, match=r"profile.json holds a pickle, whatever its name"):
        registry.fetch("pickled", 1, "profile.json", tmp_path)
    (folder / "model" / "python_model.pkl").write_bytes(b"")
    with pytest.raises(ArtifactRefused, match=r"python_model.pkl is a pickle"):
        registry.fetch("pickled", 1, "model.ubj", tmp_path)


def test_what_is_no_ubj_model_is_not_registered(
    registry: Registry, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.ubj").write_bytes(pickle.dumps({}))
    (tmp_path / "text.ubj").write_bytes(b"{not ubj")
    for name, words in [("model.ubj", "is not a UBJ file"), ("text.ubj", "not an XGBoost booster")]:
        with pytest.raises(ArtifactRefused, match=words):
            register(registry, files, "refused", "k1", booster_file=tmp_path / name)
    artifacts = {"encoder.pkl": files / "p.json"}
    with pytest.raises(ArtifactRefused, match=r"encoder.pkl is a pickle"):
        register(registry, files, "refused", "k1", artifacts=artifacts)
    assert registry.version_of("refused", "k1") is None


def test_the_champion_alias_moves(registry: Registry, files: Path) -> None:
    assert registry.champion("moved") is None
    register(registry, files, "moved", "k1")
    assert registry.champion("moved") is None
    register(registry, files, "moved", "k2")
    for version in (2, 1):
        registry.set_champion("moved", version)
        assert registry.champion("moved") == version
    with pytest.raises(VersionUnknown, match=r"moved has no version 9 in MLflow at sqlite:"):
        registry.set_champion("moved", 9)


def test_a_register_that_was_killed_is_done_again(
    registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = registry._client
    with monkeypatch.context() as patched:
        patched.setattr(client, "create_model_version", lambda *_, **__: 1 / 0)
        patched.setattr(client, "set_terminated", lambda *_: None)
        with pytest.raises(ZeroDivisionError):
            register(registry, files, "killed", "k1")
    assert register(registry, files, "killed", "k1") == 1
    experiment = client.get_experiment_by_name("killed")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.status for run in runs) == ["FINISHED", "KILLED"]


def test_a_server_that_is_down_is_named_soon() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(RegistryUnreachable) as caught:
        Registry(f"http://127.0.0.1:{port}").champion("also_bought")
    assert f"MLflow at http://127.0.0.1:{port}" in str(caught.value)
    assert "EVERGREEN_MLFLOW_URL" in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:////dev/null/mlflow.db", "nosuch://registry"])
def test_a_url_that_cannot_be_a_registry(url: str) -> None:
    with pytest.raises(RegistryUnreachable):
        Registry(url).version_of("also_bought", "k1")
