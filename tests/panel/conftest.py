"""Airflow's own API server with our plugin in it, and an installation with one model's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from evergreen.adapters.data_docs import DataDocs
from evergreen.config.settings import settings

MODEL = "shop"
PAGES = {
    "index.html": "<h1>first page</h1>",
    "suites/orders.html": "<p>orders</p>",
    "static/style.css": "p {}",
    "static/run.js": "alert(1)",
}


@pytest.fixture(scope="session")
def api_server(airflow_db: Path) -> Any:
    """Return the API server's app; the plugin is found by its folder."""
    from airflow.api_fastapi.app import create_app

    return create_app(apps="core")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation with two models, one of which has the pages of two nights."""
    for name in (MODEL, "news"):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        body = {"model": name, "description": "", "owner": "team"}
        (folder / "model.yaml").write_text(yaml.safe_dump(body))
    (tmp_path / "secret.html").write_text("secret")
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
    settings.cache_clear()
    for name, text in PAGES.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    docs = DataDocs(settings().docs_root(MODEL))
    for run in ("2011-05-01", "2011-05-02"):
        docs.put(tmp_path / "site", run)
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def visitor(api_server: Any, home: Path) -> TestClient:
    """Somebody who is not logged in."""
    return TestClient(api_server, follow_redirects=False)


@pytest.fixture
def log_in(api_server: Any, home: Path) -> Callable[[str | None], TestClient]:
    """Return what makes a browser of a user who is logged in with a role."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def make(role: str | None = "viewer") -> TestClient:
        user = SimpleAuthManagerUser(username="ann", role=role)
        token = get_auth_manager().generate_jwt(user)
        return TestClient(api_server, cookies={"_token": token}, follow_redirects=False)

    return make


@pytest.fixture
def reader(log_in: Callable[..., TestClient]) -> TestClient:
    """Somebody who may read every DAG."""
    return log_in("viewer")
