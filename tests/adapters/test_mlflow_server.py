"""The registry over HTTP: a server that keeps the artifacts, and clients without its packages."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xgboost

from evergreen.adapters.registry import Registry
from evergreen.domain.errors import ArtifactRefused, RegistryUnreachable, VersionUnknown
from servers import POD_HOST, Server

WITHOUT = ("sqlalchemy", "alembic", "flask", "sklearn", "matplotlib", "pyarrow", "boto3")
"""What the trainer's image, or MLflow's client in it, does not have."""
SECRET = "planted-secret"
REGISTER = """
import sys
from pathlib import Path
url, folder, *without = sys.argv[1:]
sys.modules.update(dict.fromkeys(without))  # importing them fails now
from evergreen.adapters.registry import Registry
registry, folder = Registry(url), Path(folder)
version = registry.register(
    "pods", run_key="k1", booster_file=folder / "booster.ubj", features=["a", "b", "c"],
    params={"max_depth": 6}, metrics={"ndcg_at_5": 0.25}, tags={"git_commit": "abc"},
    artifacts={"profile.json": folder / "p.json"},
)
registry.set_champion("pods", version)
assert registry.champion("pods") == registry.version_of("pods", "k1") == version == 1
fetched = registry.fetch("pods", version, "model.ubj", folder / "fetched")
assert fetched.read_bytes() == (folder / "booster.ubj").read_bytes()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(7)
    rows = xgboost.DMatrix(rng.random((200, 3)), label=rng.random(200) > 0.5)
    params = {"objective": "binary:logistic", "nthread": 1}
    xgboost.train(params, rows, 3).save_model(folder / "booster.ubj")
    (folder / "p.json").write_text('{"bins": []}')
    return folder


@pytest.fixture
def registry(mlflow_started: Server) -> Registry:
    return Registry(mlflow_started.url)


def register(registry: Registry, folder: Path, model: str, run_key: str) -> int:
    return registry.register(
        model,
        run_key=run_key,
        booster_file=folder / "booster.ubj",
        features=["a", "b", "c"],
        params={f"p{n}": n for n in range(120)},
        metrics={"ndcg_at_5": 0.25},
        artifacts={"profile.json": folder / "p.json"},
        tags={"git_commit": "abc"},
    )


def test_a_run_key_has_one_version(registry: Registry, folder: Path) -> None:
    assert registry.version_of("counted", "k1") is None
    assert [register(registry, folder, "counted", key) for key in ("k1", "k2", "k1")] == [1, 2, 1]
    assert registry.champion("counted") is None
    registry.set_champion("counted", 2)
    assert registry.champion("counted") == 2
    with pytest.raises(VersionUnknown, match=r"counted has no version 9 in MLflow at http://127"):
        registry.set_champion("counted", 9)


def test_artifacts_go_through_the_server(registry: Registry, folder: Path, tmp_path: Path) -> None:
    version = register(registry, folder, "proxied", "k1")
    run_id = registry._client.get_model_version("proxied", str(version)).run_id
    assert registry._client.get_run(run_id).info.artifact_uri.startswith("mlflow-artifacts:/")
    fetched = registry.fetch("proxied", version, "profile.json", tmp_path)
    assert fetched.read_text() == '{"bins": []}'


def test_a_model_that_was_swapped_is_refused(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    version = register(registry, folder, "swapped", "k1")
    run_id = registry._client.get_model_version("swapped", str(version)).run_id
    (other := tmp_path / "model.ubj").write_bytes(b"{another model")
    registry._client.log_artifact(run_id, str(other), "model")
    with pytest.raises(ArtifactRefused, match=r"swapped version 1: model.ubj is not the file that"):
        registry.fetch("swapped", version, "model.ubj", tmp_path / "target")


def test_a_client_without_the_server_s_packages(mlflow_started: Server, folder: Path) -> None:
    command = [sys.executable, "-c", REGISTER, mlflow_started.url, str(folder), *WITHOUT]
    done = subprocess.run(
        command, env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(("host", "status"), [(POD_HOST, 200), ("evil.example", 403)])
def test_pods_are_admitted_and_strangers_are_not(
    mlflow_started: Server, host: str, status: int
) -> None:
    asked = urllib.request.Request(
        f"{mlflow_started.url}/api/2.0/mlflow/experiments/search?max_results=1",
        headers={"Host": f"{host}:{mlflow_started.port}"},
    )
    if status == 200:
        assert urllib.request.urlopen(asked, timeout=30).status == status
        return
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(asked, timeout=30)
    assert caught.value.code == status


@pytest.fixture
def busy() -> Iterator[tuple[str, list[int]]]:
    """A server that says 503 once and then that there is no such version."""
    answers = [503, 404]
    said: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.append(answers.pop(0) if len(answers) > 1 else answers[0])
            body = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}).encode()
            self.send_response(said[-1])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", said
    server.shutdown()
    server.server_close()


def test_a_server_that_is_busy_for_a_moment_is_asked_again(busy: tuple[str, list[int]]) -> None:
    url, said = busy
    assert Registry(url).champion("also_bought") is None
    assert said == [503, 404]


def test_no_password_of_the_url_is_told() -> None:
    registry = Registry(f"http://ann:{SECRET}@127.0.0.1:9")
    with pytest.raises(RegistryUnreachable) as caught:
        registry.version_of("also_bought", "k1")
    assert str(caught.value).startswith("MLflow at http://***@127.0.0.1:9: ")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
