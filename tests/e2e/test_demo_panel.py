"""The panel as people see it: a live Airflow, a model that went stale, was retrained and deployed.

Beside it stand made models, one in each other state. Screenshots of everything are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import pytest
from kept_demo import MODEL, Told
from panel_browser import CHROMIUM, WAIT_MS, Visit, admin_token, started, viewer_token, visit
from playwright.sync_api import Browser, Route, expect

from made_backtests import EVIL as EVIL_SETTING
from made_backtests import leave, report
from made_models import EVIL, every_state

pytestmark = [pytest.mark.live, pytest.mark.browser, pytest.mark.timeout(900)]
expect.set_options(timeout=WAIT_MS)
Open = Callable[..., AbstractContextManager[Visit]]
SANDBOX = "An iframe which has both allow-scripts and allow-same-origin"  # Airflow's own choice
LOOKS = [(1280, False), (1280, True), (390, False), (390, True)]


@pytest.fixture(scope="module")
def states(told: Told) -> dict[str, str]:
    """Models in every state beside the demo's own."""
    return every_state(told.models, told.ledger)


@pytest.fixture(scope="module")
def browser(told: Told) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: install it, it is found on the PATH as chromium")
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def token(told: Told) -> str:
    return admin_token(told)


@pytest.fixture
def window(browser: Browser, told: Told, token: str) -> Open:
    def make(**look: object) -> AbstractContextManager[Visit]:
        return visit(browser, told, **{"token": token, **look})

    return make


def check(seen: Visit, name: str) -> None:
    """Hold what every page must: nothing in the console, nothing wider, nothing inaccessible."""
    seen.keep(name)
    assert seen.said == []
    assert seen.sideways() <= 0
    assert seen.violations() == []
    assert [url for url in seen.asked if not url.startswith((seen.url, "data:"))] == []


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_the_overview_shows_every_state(
    window: Open, states: dict[str, str], width: int, dark: bool
) -> None:
    with window(width=width, dark=dark) as seen:
        page = seen.open("")
        for name in (*states, MODEL):
            expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
        check(seen, f"overview-{width}-{'dark' if dark else 'light'}")
        page.get_by_role("button", name="Stale 1").click()
        expect(page.get_by_role("link", name="coats_homepage")).to_be_visible()
        expect(page.get_by_role("link", name="daily_deals")).to_have_count(0)
        page.get_by_role("button", name="All").click()
        page.get_by_label("Find").fill("basket_up")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_label("Find").fill("nothing like it")
        expect(page.get_by_text("No model fits")).to_be_visible()


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_the_deployed_model_s_page_tells_its_story(
    window: Open, told: Told, width: int, dark: bool
) -> None:
    with window(width=width, dark=dark) as seen:
        page = seen.open(f"models/{MODEL}?days=7")
        expect(page.get_by_text("Deployed in this time: version 2.").first).to_be_visible()
        expect(page.get_by_text("Asked for a retraining").first).to_be_visible()
        expect(page.get_by_text("promoted version 2")).to_be_visible()
        expect(page.locator(".plot canvas")).to_have_count(2)
        expect(page.get_by_role("cell", name="PROMOTE").first).to_be_visible()
        page.get_by_role("button", name="source", exact=True).click()
        expect(page.locator(".distribution table tbody tr").first).to_be_visible()
        check(seen, f"model-{width}-{'dark' if dark else 'light'}")


def test_the_keyboard_reaches_everything(window: Open) -> None:
    with window() as seen:
        page = seen.open(f"models/{MODEL}?days=7")
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to the content")
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.textContent.trim()"))
        assert {"Refresh", "Retrain", "2 days", "Show the numbers", "source", "Report"} <= reached
        page.get_by_role("button", name="2 days").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="2 days")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("button", name="2 days")).to_be_focused()
        page.get_by_text("Show the numbers").press("Enter")
        expect(page.get_by_role("region", name="The chart's numbers").locator("tr")).to_have_count(
            49
        )


def test_a_script_in_a_name_is_text(window: Open, states: dict[str, str]) -> None:
    with window() as seen:
        page = seen.open("models/coats_homepage?days=7")
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        page.get_by_role("button", name=EVIL, exact=True).click()
        expect(page.get_by_role("heading", name=EVIL)).to_be_visible()
        expect(page.get_by_text("shifted").first).to_be_visible()
        check(seen, "stale-1280-light")


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("new_arrivals", "There is no champion yet"),
        ("gift_finder", "Too little data to judge"),
        ("broken_yaml", "This model cannot be read"),
        ("search_ranking", "2 hours in quarantine"),
        ("basket_upsell", "The challenger was not better (HOLD)"),
    ],
)
@pytest.mark.parametrize("width", [1280, 390])
def test_each_other_state_has_a_page(
    window: Open, states: dict[str, str], model: str, text: str, width: int
) -> None:
    with window(width=width) as seen:
        page = seen.open(f"models/{model}")
        expect(page.get_by_text(text).first).to_be_visible()
        check(seen, f"{states[model]}-{width}-light")


@pytest.fixture(scope="module")
def backtests(told: Told) -> tuple[str, str]:
    """Two backtests of the demo's model, and a third that is cut off."""
    runs = ("a" * 12, "b" * 12)
    leave(told.home, MODEL, runs[0], report(MODEL), age_s=60)
    leave(told.home, MODEL, runs[1], report(MODEL, set=[EVIL_SETTING]), age_s=30)
    leave(told.home, MODEL, "c" * 12, '{"model": "also_bought", "poli')
    return runs


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_backtests_are_compared(
    window: Open, backtests: tuple[str, str], width: int, dark: bool
) -> None:
    with window(width=width, dark=dark) as seen:
        page = seen.open(f"models/{MODEL}")
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        page.get_by_role("link", name="Backtests").click()
        expect(page.get_by_role("heading", name="What each policy did")).to_be_visible()
        expect(page.get_by_text("Invalid JSON")).to_be_visible()
        expect(page.get_by_label(backtests[1])).to_be_checked()
        page.get_by_label(backtests[0]).press("Space")
        expect(page.get_by_text("triggered B").first).to_be_visible()
        expect(page.locator(".figures tbody tr")).to_have_count(6)
        expect(page.locator(".curve circle")).to_have_count(6)
        expect(page.locator(".plot canvas")).to_have_count(1)
        line = page.get_by_role("button", name="triggered A")
        line.press("Enter")
        expect(line).to_have_attribute("aria-pressed", "false")
        expect(page.locator(".plot canvas")).to_have_count(1)
        page.get_by_text("Show what happened when").press("Enter")
        expect(page.get_by_role("cell", name=EVIL_SETTING).first).to_be_visible()
        check(seen, f"backtests-{width}-{'dark' if dark else 'light'}")
        assert page.url.endswith(f"?runs={backtests[1]},{backtests[0]}".replace(",", "%2C"))
        page.get_by_role("link", name=MODEL, exact=True).click()
        expect(page.get_by_role("heading", name=MODEL)).to_be_visible()


def altered(change: Callable[[dict], None]) -> Callable[[Route], None]:
    """Return what changes an answer on its way: a state that time, not data, brings about."""

    def answer(route: Route) -> None:
        fetched = route.fetch()
        body = fetched.json()
        change(body)
        route.fulfill(response=fetched, json=body)

    return answer


def test_a_silent_monitor_is_told(window: Open) -> None:
    def silent(body: dict) -> None:
        for said in body.get("models", [body.get("status")]):
            if said["silent_hours"] is not None:
                said |= {"silent_hours": 7.5, "state": "silent"}
                said["headline"] = "Nothing measured for 8 hours"

    with window() as seen:
        seen.page.route("**/evergreen/api/models*", altered(silent))
        seen.page.route("**/evergreen/api/models/**", altered(silent))
        page = seen.open("")
        expect(page.get_by_text("The monitor stands still")).to_be_visible()
        check(seen, "silent-overview-1280-light")
        page = seen.open(f"models/{MODEL}")
        expect(page.get_by_text("Nothing was measured for 7 hours")).to_be_visible()
        check(seen, "silent-1280-light")


def test_a_new_installation_says_how_to_begin(window: Open) -> None:
    with window(width=390) as seen:
        seen.page.route("**/api/models", altered(lambda body: body["models"].clear()))
        expect(seen.open("").get_by_text("No model yet")).to_be_visible()
        check(seen, "empty-390-light")


def test_waiting_and_trouble_are_shown_and_can_be_tried_again(window: Open) -> None:
    held: list[Route] = []
    with window() as seen:
        seen.page.route("**/api/models", lambda route: held.append(route))
        seen.page.goto(f"{seen.url}/evergreen/")
        expect(seen.page.locator(".skeleton")).to_be_visible()
        seen.keep("loading-1280-light")
        assert seen.violations() == []
        detail = {"error": "LedgerUnreachable", "detail": "ledger postgresql://x: refused"}
        while not held:
            seen.page.wait_for_timeout(50)
        held[0].fulfill(status=503, json=detail)
        alert = seen.page.get_by_role("alert")
        expect(alert).to_contain_text("The records are out of reach")
        expect(alert).to_contain_text("refused")
        seen.keep("unreachable-1280-light")
        assert seen.violations() == []
        seen.page.unroute("**/api/models")
        seen.page.get_by_role("button", name="Try again").click()
        expect(seen.page.get_by_role("link", name=MODEL, exact=True)).to_be_visible()
        seen.page.route("**/api/models", lambda route: route.abort())
        seen.page.get_by_role("button", name="Refresh").click()
        expect(seen.page.get_by_text("Not up to date")).to_be_visible()
        seen.keep("outdated-1280-light")


def test_nobody_is_sent_to_the_login_and_back(browser: Browser, told: Told) -> None:
    with visit(browser, told, token=None) as seen:
        seen.page.goto(f"{told.url}/evergreen/models/{MODEL}?days=7")
        assert urlsplit(seen.page.url).path == "/auth/login"
        seen.page.fill("input[name=username]", "admin")
        seen.page.fill("input[name=password]", told.password)
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_url(f"**/evergreen/models/{MODEL}?days=7")
        expect(seen.page.get_by_role("button", name="7 days")).to_have_attribute(
            "aria-pressed", "true"
        )


def test_a_viewer_sees_and_cannot_start(browser: Browser, told: Told) -> None:
    token = viewer_token(told)
    with visit(browser, told, token=token) as seen:
        page = seen.open(f"models/{MODEL}?days=7")
        for name in ("Retrain", "Roll back", "Backfill"):
            button = page.get_by_role("button", name=name)
            expect(button).to_be_disabled()
            told_why = f"You may look, but not start {_dag(name)}: ask whoever gives rights"
            expect(button).to_have_accessible_description(re.compile(told_why))
        check(seen, "viewer-1280-light")
        answer = page.request.post(
            f"{told.url}/api/v2/dags/{MODEL}__retrain/dagRuns",
            headers={"authorization": f"Bearer {token}"},
            data={"logical_date": None},
        )
        assert answer.status == 403


def _dag(name: str) -> str:
    kinds = {"Retrain": "retrain", "Roll back": "rollback", "Backfill": "monitor_hourly"}
    return f"{MODEL}__{kinds[name]}"


def test_airflow_s_navigation_opens_it_and_its_buttons_lead_to_the_forms(window: Open) -> None:
    with window() as seen:
        page = seen.page
        page.goto(seen.url)
        page.locator('a[href$="/plugin/evergreen"]').click()
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name=MODEL, exact=True).click()
        expect(frame.get_by_role("heading", name=MODEL)).to_be_visible()
        expect(frame.locator(".plot canvas").first).to_be_visible()
        seen.keep("airflow-navigation-1280-light")
        frame.get_by_role("link", name="Retrain").click()
        page.wait_for_url(f"**/dags/{MODEL}__retrain")
        page.get_by_test_id("trigger-dag-button").first.click()
        expect(page.get_by_text("Kept in the ledger, beside the verdict.").first).to_be_visible()
        seen.keep("airflow-retrain-form-1280-light")
        assert [line for line in seen.said if SANDBOX not in line] == []


def test_a_dag_s_tab_opens_its_model_in_airflow_s_theme(window: Open) -> None:
    with window(dark=False) as seen:
        page = seen.page
        page.goto(seen.url)
        page.evaluate("localStorage.setItem('theme', 'dark')")
        page.goto(f"{seen.url}/dags/{MODEL}__monitor_hourly")
        # by its address: the navigation's entry and links of the page have its name too
        page.locator(f'a[href$="/dags/{MODEL}__monitor_hourly/plugin/evergreen-model"]').click()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", name=MODEL)).to_be_visible()
        expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
        expect(frame.locator(".plot canvas").first).to_be_visible()
        seen.keep("airflow-tab-1280-dark")
        frame.get_by_role("link", name="Backfill").click()
        page.wait_for_url(f"**/dags/{MODEL}__monitor_hourly/backfills")
