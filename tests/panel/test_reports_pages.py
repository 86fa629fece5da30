"""Evaluation reports are read by whoever may read the model's retraining, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

pytestmark = pytest.mark.airflow
REPORT = "/evergreen/reports/shop/0a1b/1"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LogIn = Callable[[str | None], TestClient]


@pytest.fixture(autouse=True)
def report(home: Path) -> None:
    folder = home / "runs" / "shop" / "0a1b" / "gate" / "champion=1"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<h1>HOLD</h1>")
    (folder / "report.json").write_text('{"verdict": "HOLD"}')
    (folder / "secret.html").write_text("secret")
    (folder.parents[1] / "manifest.json").write_text('"secret"')


def test_a_reader_sees_the_page_and_the_json(reader: TestClient) -> None:
    page = reader.get(REPORT)
    assert (page.status_code, page.text) == (200, "<h1>HOLD</h1>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    body = reader.get(f"{REPORT}.json")
    assert (body.status_code, body.json()) == (200, {"verdict": "HOLD"})
    assert body.headers["content-type"] == "application/json"


def test_every_answer_forbids_scripts_and_caches(reader: TestClient, visitor: TestClient) -> None:
    for answer in (reader.get(REPORT), reader.get(f"{REPORT}9"), visitor.get(REPORT)):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
        assert answer.headers["cache-control"] == "no-store"


def test_without_login_there_is_none(visitor: TestClient) -> None:
    assert visitor.get(REPORT).status_code == 401
    answer = visitor.get(REPORT, headers=BROWSER)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/api/v2/auth/login?next=")


def test_who_may_not_read_the_retraining_is_refused(
    reader: TestClient, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    assert log_in(None).get(REPORT, headers=BROWSER).status_code == 403
    asked = []

    def nobody(*, method: str, details: Any, **_: object) -> bool:
        asked.append((method, details.id))
        return False

    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", nobody)
    assert reader.get(REPORT).status_code == 403
    assert asked == [("GET", "shop__retrain")]


@pytest.mark.parametrize(
    "path",
    [
        "/evergreen/reports/shop/0a1b/2",
        "/evergreen/reports/shop/ffff/1",
        "/evergreen/reports/news/0a1b/1",
        "/evergreen/reports/unknown/0a1b/1",
        "/evergreen/reports/shop/0a1b/1.html",
        "/evergreen/reports/shop/0a1b/1.json.json",
        "/evergreen/reports/shop/0a1b/01",
        "/evergreen/reports/shop/0a1b/-1",
        "/evergreen/reports/shop/0a1b/1/secret.html",
        "/evergreen/reports/shop/0a1b/1%2fsecret.html",
        "/evergreen/reports/shop/0a1b/..%2f..%2fmanifest.json",
        "/evergreen/reports/shop/0a1b/%2e%2e/%2e%2e/manifest.json",
        "/evergreen/reports/shop/..%2fshop%2f0a1b/1",
        "/evergreen/reports/shop%2f..%2fshop/0a1b/1",
        "/evergreen/reports/shop/0a1b/1%00",
        "/evergreen/reports/shop/0a1b/",
        "/evergreen/reports/shop/",
    ],
)
def test_nothing_else_is_served(reader: TestClient, path: str) -> None:
    url = httpx.URL("http://testserver").copy_with(raw_path=path.encode())  # as it is, undecoded
    answer = reader.get(url, headers=BROWSER)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.html", "")


def test_runs_out_of_reach_are_told(reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from evergreen.config.settings import settings

    monkeypatch.setenv("EVERGREEN_RUNS_URL", "nosuchscheme://bucket")
    settings.cache_clear()
    answer = reader.get(REPORT)
    assert answer.status_code == 503
    assert "nosuchscheme" in answer.json()["detail"]
