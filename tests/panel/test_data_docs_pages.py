"""Data Docs are read by whoever may read the model's validation, and nothing else is served."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from evergreen.adapters.installation import open_ledger
from evergreen.config.settings import settings

pytestmark = pytest.mark.airflow
INDEX = "/evergreen/data-docs/shop/2011-05-02/index.html"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LogIn = Callable[[str | None], TestClient]


def test_a_reader_sees_the_pages(reader: TestClient) -> None:
    answer = reader.get(INDEX)
    assert (answer.status_code, answer.text) == (200, "<h1>first page</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert reader.get(INDEX.replace("index", "suites/orders")).text == "<p>orders</p>"
    style = reader.get(INDEX.replace("index.html", "static/style.css"))
    assert style.headers["content-type"] == "text/css; charset=utf-8"


def test_a_bearer_token_does_as_well(visitor: TestClient, log_in: LogIn) -> None:
    token = log_in("viewer").cookies["_token"]
    answer = visitor.get(INDEX, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_every_answer_forbids_scripts_and_caches(reader: TestClient, visitor: TestClient) -> None:
    for answer in (reader.get(INDEX), reader.get(f"{INDEX}x"), visitor.get(INDEX)):
        policy = dict(
            part.strip().split(" ", 1)
            for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert not any(name.startswith("script") for name in policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_a_browser_without_login_is_sent_to_it_and_back(visitor: TestClient) -> None:
    answer = visitor.get(INDEX, headers=BROWSER)
    assert answer.status_code == 302
    target = urlsplit(answer.headers["location"])
    assert target.path == "/api/v2/auth/login"
    onwards = visitor.get(answer.headers["location"])  # Airflow's own check of `next`
    assert onwards.status_code == 307
    login = urlsplit(onwards.headers["location"])
    assert (login.path, parse_qs(login.query)["next"]) == ("/auth/login", [INDEX])


def test_others_without_login_get_401(visitor: TestClient) -> None:
    answer = visitor.get(INDEX)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for bad in ({"authorization": "Bearer nonsense"}, {"cookie": "_token=nonsense"}):
        assert visitor.get(INDEX, headers=bad).status_code == 401


def test_who_may_not_read_the_validation_is_refused(log_in: LogIn) -> None:
    nobody = log_in(None)
    for path in (INDEX, "/evergreen/data-docs/shop/", "/evergreen/data-docs/no_such_model/"):
        assert nobody.get(path, headers=BROWSER).status_code == 403


def test_the_right_to_read_is_that_of_the_model_s_dag(
    reader: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    asked = []

    def only_news(*, method: str, details: Any, **_: object) -> bool:
        asked.append((method, details.id))
        return details.id == "news__validate_nightly"

    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", only_news)
    assert reader.get(INDEX).status_code == 403
    assert reader.get("/evergreen/data-docs/news/").status_code == 200
    assert asked == [("GET", "shop__validate_nightly"), ("GET", "news__validate_nightly")]


@pytest.mark.parametrize(
    "path",
    [
        "/evergreen/data-docs/shop/2011-05-02/../../../secret.html",
        "/evergreen/data-docs/shop/2011-05-02/%2e%2e/%2e%2e/%2e%2e/secret.html",
        "/evergreen/data-docs/shop/2011-05-02/..%2f..%2f..%2fsecret.html",
        "/evergreen/data-docs/shop/2011-05-02/%2e%2e%5c%2e%2e%5csecret.html",
        "/evergreen/data-docs/shop/%2e%2e/%2e%2e/secret.html",
        "/evergreen/data-docs/%2e%2e/%2e%2e/secret.html",
        "/evergreen/data-docs/shop%2f..%2f../2011-05-02/secret.html",
        "/evergreen/data-docs/shop/2011-05-02//secret.html",
        "/evergreen/data-docs/shop/2011-05-02/%2fetc%2fhostname",
        "/evergreen/data-docs/shop/2011-05-02/secret.html%00.html",
        "/evergreen/data-docs/shop/2011-05-02/.pages",
        "/evergreen/data-docs/shop/2011-05-02/static/run.js",
        "/evergreen/data-docs/shop/2011-05-02/suites",
        "/evergreen/data-docs/shop/2011-05-03/index.html",
        "/evergreen/data-docs/shop/anything/index.html",
        "/evergreen/data-docs/unknown/2011-05-02/index.html",
        "/evergreen/docs",
        "/evergreen/openapi.json",
    ],
)
def test_nothing_else_is_served(reader: TestClient, path: str) -> None:
    url = httpx.URL("http://testserver").copy_with(raw_path=path.encode())  # as it is, undecoded
    answer = reader.get(url, headers=BROWSER)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.html", "")


def test_pages_are_only_read(reader: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert reader.request(method, INDEX).status_code == 405
    head = reader.head(INDEX)
    assert (head.status_code, head.content) == (200, b"")


def test_a_model_s_runs_are_listed_with_their_verdicts(reader: TestClient) -> None:
    ledger = open_ledger()
    day = datetime(2011, 5, 1, tzinfo=UTC)
    ledger.put_measurement("shop", day, "validation", verdict="failed", body={}, replay=False)
    ledger.close()
    page = reader.get("/evergreen/data-docs/shop/").text
    assert page.index("2011-05-02/index.html") < page.index("2011-05-01/index.html")
    assert page.count("failed</td>") == 1
    assert "No validation" in reader.get("/evergreen/data-docs/news/").text


def test_the_list_needs_no_ledger(
    reader: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_LEDGER_URL", f"sqlite:///{home}/no/such/folder/ledger.db")
    settings.cache_clear()
    (home / "no").write_text("")
    assert "2011-05-02/index.html" in reader.get("/evergreen/data-docs/shop/").text


def test_pages_out_of_reach_are_told(reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_DOCS_URL", "nosuchscheme://bucket")
    settings.cache_clear()
    answer = reader.get(INDEX)
    assert answer.status_code == 503
    assert "nosuchscheme" in answer.json()["detail"]


def test_buttons_of_tasks_are_registered(api_server: Any) -> None:
    from airflow import plugins_manager

    names = [link.name for link in plugins_manager.get_operator_extra_links()]
    assert names == ["Data Docs", "Report", "MLflow run", "Pod logs"]
    assert plugins_manager.get_import_errors() == {}
