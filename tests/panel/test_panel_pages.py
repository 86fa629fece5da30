"""The panel's pages: the frame that the server sends, its files, and its place in Airflow's UI."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from evergreen.panel import assets, pages

pytestmark = pytest.mark.airflow
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")
WRITTEN_DOWN = re.compile(r"\| `([^`]+)` \|.*`([0-9a-f]{64})` \|")


def test_every_page_and_answer_has_the_strict_policy(
    reader: TestClient, visitor: TestClient
) -> None:
    for path in (
        "",
        "models/shop",
        "models/shop/backtests",
        "dags/other",
        "api/models",
        "icon.svg",
        "nothing/here",
    ):
        answer = reader.get(f"/evergreen/{path}")
        assert answer.headers["content-security-policy"] == POLICY, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    assert visitor.get("/evergreen/").headers["content-security-policy"] == POLICY


def test_a_page_loads_only_our_own_files_and_each_is_there(reader: TestClient) -> None:
    page = reader.get("/evergreen/models/shop").text
    found = re.findall(r'(?:src|href)="(/evergreen/static/[^"]+)"', page)
    assert len(found) == 6
    for path in found:
        answer = reader.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert not re.search(r"https?://", page)
    assert not re.search(r"<script[^>]*>[^<]|style=|\son\w+=", page)
    assert reader.get(found[0].replace(assets.digest(), "0" * 16)).status_code == 404


def test_scripts_ask_nothing_of_elsewhere_and_make_no_markup() -> None:
    for name, content in assets.assets().items():
        if name.startswith("vendor/") or not name.endswith(".js"):
            continue
        text = content.decode()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text
        )
        hosts = set(re.findall(r"https?://([^/\"`]+)", text))
        assert hosts <= {"www.w3.org"}, name  # the name of SVG's elements
        for imported in re.findall(r'from "\./([^"]+)"', text):
            assert imported in assets.assets(), f"{name} imports {imported}"


@pytest.mark.parametrize("folder", ["include/evergreen/panel/static/vendor", "tests/e2e/vendor"])
def test_files_of_others_are_the_ones_that_are_written_down(folder: str) -> None:
    root = Path(__file__).parents[2] / folder
    digests = dict(
        re.findall(r"\| `([^`]+)` \|.*`([0-9a-f]{64})` \|", (root / "README.md").read_text())
    )
    served = {path.name for path in root.iterdir() if path.suffix in (".js", ".css")}
    assert set(digests) == served
    for name, digest in digests.items():
        assert hashlib.sha256((root / name).read_bytes()).hexdigest() == digest
    assert list(root.glob("*LICENSE*"))


def test_names_are_escaped_and_a_prefix_leads_everywhere() -> None:
    page = pages.model_page("/pre/fix/", '"><script>alert(1)</script>')
    assert "<script>alert" not in page
    assert 'data-airflow="/pre/fix/"' in page
    assert 'data-panel="/pre/fix/evergreen/"' in page
    paths = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert all(path.startswith("/pre/fix/evergreen/") for path in paths)
    assert "&lt;b&gt;" in pages.stranger_page("/", "<b>")


def test_a_dag_s_tab_leads_to_its_model(reader: TestClient) -> None:
    for kind in ("monitor_hourly", "retrain", "rollback", "validate_nightly"):
        answer = reader.get(f"/evergreen/dags/shop__{kind}")
        assert (answer.status_code, answer.headers["location"]) == (302, "/evergreen/models/shop")
    for dag in ("shop", "other__retrain", "__retrain", "shop__", "x" * 300):
        answer = reader.get(f"/evergreen/dags/{dag}")
        if answer.status_code == 302:
            assert dag == "shop__"
        else:
            assert "belongs to no model" in answer.text


def test_airflow_shows_the_panel_in_its_navigation_and_on_dags(api_server: Any) -> None:
    from airflow import plugins_manager

    views, _ = plugins_manager._get_ui_plugins()
    ours = {view["destination"]: view for view in views if view["name"] == "Evergreen"}
    assert ours["nav"]["href"] == "/evergreen/"
    assert ours["dag"]["href"] == "/evergreen/dags/{DAG_ID}"
    assert len({view["url_route"] for view in ours.values()}) == 2


def test_views_stand_below_the_base_url_s_path(monkeypatch: pytest.MonkeyPatch) -> None:
    from evergreen.orchestration.views import views

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://shop.example/airflow/")
    assert [view["href"] for view in views()] == [
        "/airflow/evergreen/",
        "/airflow/evergreen/dags/{DAG_ID}",
    ]


def test_the_login_comes_back_to_the_very_page(visitor: TestClient) -> None:
    wanted = "/evergreen/models/shop?days=7"
    answer = visitor.get(wanted, headers={"accept": "text/html"})
    onwards = visitor.get(answer.headers["location"])  # Airflow's own check of `next`
    login = urlsplit(onwards.headers["location"])
    assert (login.path, parse_qs(login.query)["next"]) == ("/auth/login", [wanted])


def test_no_address_answers_without_login(visitor: TestClient) -> None:
    """Of every route that there is, also those that are added after this test."""
    from evergreen.panel.app import make_app

    paths = [route.path for route in make_app().routes]
    assert len(paths) >= 10
    for path in paths:
        filled = re.sub(r"\{[^}]+\}", "shop", path)
        answer = visitor.get(f"/evergreen{filled}?column=price")
        assert answer.status_code == 401, path


def test_a_person_is_told_in_a_page_and_a_program_in_json(
    reader: TestClient, log_in: Callable[[str | None], TestClient]
) -> None:
    browser = {"accept": "text/html"}
    page = reader.get("/evergreen/models/%3Cb%3Enope", headers=browser)
    assert (page.status_code, page.headers["content-security-policy"]) == (404, POLICY)
    assert "no model is named &#x27;&lt;b&gt;nope&#x27;" in page.text
    assert reader.get("/evergreen/models/nope").json() == {"detail": "no model is named 'nope'"}
    refused = log_in(None).get("/evergreen/models/shop", headers=browser)
    assert refused.status_code == 403
    assert "You may not see this" in refused.text
    assert reader.get("/evergreen/api/models/nope", headers=browser).json()["detail"]


def test_the_plugin_does_not_import_the_panel_until_it_is_asked_for() -> None:
    code = (
        "import sys, evergreen_plugin as p; p.EvergreenPlugin().external_views;"
        "sys.exit('fastapi' in sys.modules or 'polars' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    path = f"{root / 'plugins'}:{root / 'include'}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**__import__("os").environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0
