"""A damaged hour as a person sees it: the task's button opens Data Docs, behind Airflow's login."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect, sync_playwright

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.config.settings import settings
from evergreen.domain.windows import HOUR
from evergreen.orchestration.local_airflow import USER, LocalAirflow
from fake_slack import TOKEN, FakeSlack, fake_slack
from made_days import DAY, land_days, orders

pytestmark = [pytest.mark.live, pytest.mark.browser, pytest.mark.timeout(600)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MODEL = "shop"
DAG = f"{MODEL}__validate_nightly"
DELIVER = "evergreen__deliver"
NIGHT = datetime(2011, 5, 2, tzinfo=UTC)
BAD = NIGHT + 13 * HOUR
PATH = f"/evergreen/data-docs/{MODEL}/2011-05-02/index.html"
WAIT_MS = 30_000  # the UI is one large script on a busy machine


@dataclass(frozen=True)
class Night:
    """A nightly run that has ended, in an Airflow that is up."""

    airflow: LocalAirflow
    run_id: str
    home: Path
    slack: FakeSlack

    def link(self) -> str:
        """Return what the API says of the task's buttons."""
        task = f"/api/v2/dags/{DAG}/dagRuns/{self.run_id}/taskInstances/validate_day"
        said = self.airflow.api._call("GET", f"{task.removeprefix('/api/v2')}/links")
        return str(said["extra_links"]["Data Docs"])


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """Two days of a small shop, one hour with negative prices, validated by a real Airflow."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: install it, it is found on the PATH as chromium")
    home = tmp_path_factory.mktemp("home")
    folder = home / "models" / MODEL
    folder.mkdir(parents=True)
    features = {"numeric": ["co_7d", "price"]}
    body = {"model": MODEL, "description": "", "owner": "team", "features": features}
    body["slack_channel"] = "#shop"
    (folder / "model.yaml").write_text(yaml.safe_dump(body))
    env = {"EVERGREEN_HOME": str(home), "EVERGREEN_MODELS_DIR": str(home / "models")}
    with pytest.MonkeyPatch.context() as patch, fake_slack() as slack:
        for name, value in env.items():
            patch.setenv(name, value)
        settings.cache_clear()
        lake = open_lake(spec_of(MODEL))
        land_days(lake, NIGHT - DAY, days=2)
        lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))
        since = {"EVERGREEN_MONITOR_SINCE": NIGHT.isoformat()}
        with LocalAirflow(home / "airflow", env={**env, **since}) as airflow:
            airflow.api.wait_for_dags([DAG])
            assert airflow.api.import_errors() == []
            connect_slack(airflow, slack)
            airflow.api.set_paused(DAG, paused=False)
            run_id = airflow.api.wait_new_run(DAG)  # the scheduler's first: about the damaged day
            airflow.api.wait_run(DAG, run_id, 300)
            airflow.api.set_paused(DAG, paused=True)
            yield Night(airflow=airflow, run_id=run_id, home=home, slack=slack)
    settings.cache_clear()


def connect_slack(airflow: LocalAirflow, slack: FakeSlack) -> None:
    """Make the connection that has the token, in Airflow's own database."""
    connection = {
        "connection_id": "slack_default",
        "conn_type": "slack",
        "password": TOKEN,
        "extra": json.dumps({"base_url": slack.url}),
    }
    airflow.api._call("POST", "/connections", connection)


@pytest.fixture(scope="module")
def browser(night: Night) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--disable-background-networking", "--disable-component-update"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium has none for root
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(WAIT_MS)
    yield context.new_page()
    context.close()


def log_in(page: Page, night: Night) -> None:
    page.fill("input[name=username]", USER)
    page.fill("input[name=password]", night.airflow.password)
    page.keyboard.press("Enter")


def keep(page: Page, path: Path) -> None:
    """Save what is seen; `EVERGREEN_SCREENSHOTS` keeps a copy."""
    page.screenshot(path=path, full_page=True)
    if folder := os.environ.get("EVERGREEN_SCREENSHOTS"):
        shutil.copy(path, folder)


def test_the_night_quarantined_the_damaged_hour_and_told_people(night: Night) -> None:
    tasks = night.airflow.api.task_instances(DAG, night.run_id)
    states = {task["task_id"]: task["state"] for task in tasks}
    assert states == {
        "wait_for_day": "success",
        "validate_day": "success",
        "quarantine_hours": "success",
        "passed": "skipped",
        "alert": "success",
    }
    ledger = open_ledger()
    assert ledger.quarantined(MODEL, "orders", window()) == {BAD}
    (message,) = ledger.deliveries(MODEL)
    assert message.severity == "error"
    assert "negative_prices is 5" in message.text
    assert message.text.endswith(f"Data Docs: {night.airflow.url}{PATH}")


def test_the_task_told_slack_with_the_token_of_airflow_s_connection(night: Night) -> None:
    (message,) = night.slack.posted()
    said = json.dumps(message["blocks"])
    assert ":red_circle: shop: the validation found faults" in said
    assert f"<{night.airflow.url}{PATH}|Data docs>" in said
    assert all(event.delivered_at for event in open_ledger().deliveries(MODEL))
    logs = [path.read_text(errors="replace") for path in (night.home / "airflow").rglob("*.log")]
    assert logs
    assert not any(TOKEN in log for log in logs)


def test_the_command_line_finds_the_token_in_airflow_s_database(night: Night) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evergreen.cli", "incidents", "check", "--json"],
        env=night.airflow._env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["channels"] == {"#shop": "found, C0000SHOP1"}


def test_the_delivering_dag_sends_what_waits(night: Night) -> None:
    ledger, api = open_ledger(), night.airflow.api
    ledger.post("later", model=MODEL, severity="warning", text="it waited", send=True)
    api.wait_run(DELIVER, api.trigger(DELIVER), 120)
    assert [m["text"] for m in night.slack.posted()][1:] == ["it waited"]
    assert ledger.undelivered() == []


def window() -> Any:
    from evergreen.domain.windows import Window

    return Window(NIGHT, NIGHT + DAY)


def test_the_task_s_link_asks_for_airflow_s_login_and_comes_back(night: Night, page: Page) -> None:
    assert night.link() == f"{night.airflow.url}{PATH}"
    page.goto(night.link())
    assert urlsplit(page.url).path == "/auth/login"
    log_in(page, night)
    page.wait_for_url(f"**{PATH}")
    expect(page.get_by_text("negative_prices").first).to_be_visible()


def test_the_task_s_button_opens_the_page_with_the_failing_expectation(
    night: Night, page: Page, tmp_path: Path
) -> None:
    page.goto(night.airflow.url)
    log_in(page, night)
    page.wait_for_url(lambda url: "login" not in url)
    page.goto(f"{night.airflow.url}/dags/{DAG}/runs/{quote(night.run_id)}/tasks/validate_day")
    page.get_by_role("link", name="Details").or_(page.get_by_role("tab", name="Details")).click()
    button = page.get_by_role("link", name="Data Docs").first
    button.wait_for()
    keep(page, tmp_path / "task.png")
    button.click()
    page.wait_for_url(f"**{PATH}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    keep(page, tmp_path / "data_docs_index.png")
    page.get_by_role("link", name="orders").first.click()
    expect(page.get_by_text("negative_prices").first).to_be_visible()
    keep(page, tmp_path / "data_docs.png")
    assert (tmp_path / "data_docs.png").read_bytes().startswith(b"\x89PNG")
    assert asked
    assert [url for url in asked if not url.startswith(night.airflow.url)] == []
