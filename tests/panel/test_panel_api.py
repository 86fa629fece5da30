"""The panel's JSON interface: what it answers, to whom, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from evergreen.adapters.ledger import Ledger
from evergreen.config.settings import settings
from evergreen.panel.ledgers import ledger as panel_ledger
from made_models import EVIL, NEWEST, add_model, decide, every_state, measure, release

pytestmark = pytest.mark.airflow
API = "/evergreen/api/models"
LogIn = Callable[[str | None], TestClient]
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def ledger(home: Path) -> Ledger:
    return panel_ledger()


@pytest.fixture
def coats(home: Path, ledger: Ledger) -> str:
    """A model whose column has a hostile name and has drifted."""
    add_model(home / "models", "coats")
    release(ledger, "coats")
    measure(ledger, "coats", hours=48, ctr=0.06, verdict="yes", drifted=[EVIL])
    decide(ledger, "coats", "request_retrain", f"drift: drifted: {EVIL}")
    ledger.open_incident("coats", NEWEST, evidence={})
    return "coats"


@pytest.fixture
def statements(ledger: Ledger) -> Iterator[list[str]]:
    said: list[str] = []

    def keep(_c: object, _cursor: object, text: str, *_: object) -> None:
        if text.startswith("SELECT"):
            said.append(text)

    sa.event.listen(ledger._engine, "before_cursor_execute", keep)
    yield said
    sa.event.remove(ledger._engine, "before_cursor_execute", keep)


def test_the_overview_has_every_model_worst_first(
    reader: TestClient, home: Path, ledger: Ledger
) -> None:
    made = every_state(home / "models", ledger)
    body = reader.get(API).json()
    assert {m["model"]: m["state"] for m in body["models"]} == {
        **made,
        "shop": "no_champion",
        "news": "no_champion",
    }
    assert body["models"][0]["state"] == "error"
    assert body["models"][-1]["state"] == "healthy"
    assert body["asked_at"].endswith(("Z", "+00:00"))


def test_a_hundred_models_cost_as_many_statements_as_two(
    reader: TestClient, home: Path, ledger: Ledger, statements: list[str]
) -> None:
    for index in range(100):
        add_model(home / "models", f"m{index:03d}")
        measure(ledger, f"m{index:03d}", hours=1, sketched=False)
    statements.clear()
    body = reader.get(API).json()
    assert len(body["models"]) == 102
    assert len(statements) <= 15


def test_a_page_is_one_request_with_a_bounded_number_of_statements(
    reader: TestClient, coats: str, statements: list[str]
) -> None:
    statements.clear()
    body = reader.get(f"{API}/{coats}").json()
    assert len(statements) <= 30
    assert body["status"]["state"] == "stale"
    assert body["page"]["days"] == 30
    assert len(body["page"]["timeline"]["at"]) == 720
    assert body["page"]["timeline"]["ctr"][-1] == 0.06
    assert body["page"]["drift"]["columns"][0]["column"] == EVIL
    assert body["page"]["decisions"][0]["reasons"] == [f"drift: drifted: {EVIL}"]
    assert body["links"]["data_docs"] == "evergreen/data-docs/coats/"


def test_only_four_lengths_of_the_past_are_answered(reader: TestClient, coats: str) -> None:
    for days in (2, 7, 90):
        assert reader.get(f"{API}/{coats}?days={days}").json()["page"]["days"] == days
    for days in ("1", "0", "-7", "31", "100000", "x", ""):
        assert reader.get(f"{API}/{coats}?days={days}").status_code == 422


def test_a_column_of_any_name_is_data(reader: TestClient, coats: str) -> None:
    answer = reader.get(f"{API}/{coats}/column", params={"column": EVIL})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["column"] == EVIL
    assert answer.json()["day"] == [1.0, 0.0, 0.0, 0.0, 0.0]
    for column in ("no such", "../price", "price\x00", "' OR 1=1 --"):
        refused = reader.get(f"{API}/{coats}/column", params={"column": column})
        assert refused.status_code == 404
    for hour in ("2011-05-31", "2011-13-31T00", "x", "2011-05-31T23:00"):
        query = {"column": EVIL, "hour": hour}
        assert reader.get(f"{API}/{coats}/column", params=query).status_code == 422
    query = {"column": EVIL, "hour": "2001-01-01T00"}
    assert "has not been measured" in reader.get(f"{API}/{coats}/column", params=query).text
    assert reader.get(f"{API}/{coats}/column", params={"column": "x" * 201}).status_code == 422


def test_who_may_start_what_is_told_with_the_reason(log_in: LogIn, coats: str) -> None:
    viewer = log_in("viewer").get(f"{API}/{coats}").json()["forms"]
    assert [form["name"] for form in viewer] == ["Retrain", "Roll back", "Backfill"]
    assert all("You may look, but not start" in form["refused"] for form in viewer)
    user = log_in("user").get(f"{API}/{coats}").json()["forms"]
    assert [form["refused"] for form in user] == [None, None, None]
    assert [form["path"] for form in user] == [
        "dags/coats__retrain",
        "dags/coats__rollback",
        "dags/coats__monitor_hourly/backfills",
    ]


def test_a_model_that_is_trained_elsewhere_says_whom_to_ask(
    log_in: LogIn, home: Path, ledger: Ledger
) -> None:
    add_model(home / "models", "bandit", train={"enabled": False})
    forms = log_in("user").get(f"{API}/bandit").json()["forms"]
    assert forms[0]["refused"] == "bandit is trained elsewhere: ask shop-team"
    assert forms[2]["refused"] is None


def test_without_login_nothing_is_answered(visitor: TestClient, coats: str) -> None:
    for path in (
        *(API, f"{API}/{coats}", f"{API}/{coats}/column?column=price", "/evergreen/"),
        *("/evergreen/models/coats", "/evergreen/dags/coats__retrain", "/evergreen/icon.svg"),
        *("/evergreen/static/0/panel.css", f"{API}/no_such_model"),
    ):
        assert visitor.get(path).status_code == 401, path
        sent = visitor.get(path, headers=BROWSER)
        assert sent.status_code == 302, path
        assert sent.headers["location"].startswith("/api/v2/auth/login?next=")


def test_nobody_else_s_models_are_shown(
    reader: TestClient, log_in: LogIn, coats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log_in(None).get(API).json()["models"] == []
    assert log_in(None).get(f"{API}/{coats}").status_code == 403
    from airflow.api_fastapi.app import get_auth_manager

    def only_news(*, method: str, details: Any, **_: object) -> bool:
        return details.id == "news__monitor_hourly" and method == "GET"

    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", only_news)
    assert [m["model"] for m in reader.get(API).json()["models"]] == ["news"]
    assert reader.get(f"{API}/news").status_code == 200
    for path in (f"{API}/{coats}", f"{API}/{coats}/column?column=price", "/evergreen/models/coats"):
        assert reader.get(path).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/evergreen/api/models/%2e%2e",
        "/evergreen/api/models/..%2fcoats",
        "/evergreen/api/models/coats%2f..%2f..%2fmodels",
        "/evergreen/api/models/coats%00",
        "/evergreen/api/models/unknown",
        "/evergreen/api/models/coats/column/../../../secret",
        "/evergreen/api/secret.html",
        "/evergreen/models/..%2f..%2fsecret.html",
        "/evergreen/models/unknown",
        "/evergreen/static/0/secret.html",
        "/evergreen/static/DIGEST/../../secret.html",
        "/evergreen/static/DIGEST/..%2fassets.py",
        "/evergreen/static/DIGEST/vendor/README.md",
        "/evergreen/static/DIGEST/%2fetc%2fhostname",
    ],
)
def test_an_address_cannot_leave_its_model(reader: TestClient, coats: str, path: str) -> None:
    from evergreen.panel.assets import digest

    raw = path.replace("DIGEST", digest()).encode()
    answer = reader.get(httpx.URL("http://testserver").copy_with(raw_path=raw), headers=BROWSER)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.html", "")


def test_it_is_only_read(reader: TestClient, coats: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in (API, f"{API}/{coats}", "/evergreen/", "/evergreen/models/coats"):
            assert reader.request(method, path).status_code == 405


def test_a_ledger_out_of_reach_is_told(
    reader: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("EVERGREEN_LEDGER_URL", f"sqlite:///{home}/file/ledger.db")
    settings.cache_clear()
    for path in (API, f"{API}/shop"):
        answer = reader.get(path)
        assert answer.status_code == 503
        assert answer.json()["error"] == "LedgerUnreachable"


def test_a_broken_model_has_a_page_that_says_why(
    reader: TestClient, home: Path, ledger: Ledger, coats: str
) -> None:
    every_state(home / "models", ledger)
    body = reader.get(f"{API}/broken_yaml").json()
    assert (body["page"], body["status"]["state"]) == (None, "error")
    ledger.put_measurement(coats, NEWEST, "drift", verdict="no", body={}, replay=False)
    body = reader.get(f"{API}/{coats}").json()
    assert (body["page"], body["status"]["state"]) == (None, "error")
    assert len(body["forms"]) == 3
