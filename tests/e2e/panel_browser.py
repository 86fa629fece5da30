"""A browser in front of the panel: logged in as somebody, listening for what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
from kept_demo import Told
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from evergreen.config.settings import PROJECT
from evergreen.orchestration.local_airflow import USER

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MS = 30_000  # Airflow's UI is one large script on a busy machine
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
SERIOUS = ("serious", "critical")
SHOTS = Path(os.environ.get("EVERGREEN_SCREENSHOTS", PROJECT / "artifacts" / "screenshots"))


@dataclass
class Visit:
    """One page in one browser context, and what its console has said."""

    page: Page
    url: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page of the panel and wait until it has its data."""
        self.page.goto(f"{self.url}/evergreen/{path}")
        self.page.locator('#main[aria-busy="false"]').wait_for()
        return self.page

    def keep(self, name: str) -> None:
        """Save what is seen."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(150)  # the charts draw when their width is known
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def sideways(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(width))

    def violations(self) -> list[Any]:
        """Return what axe-core finds serious. Its script goes in past the page's own policy."""
        session = self.page.context.new_cdp_session(self.page)
        run = (
            "axe.run({resultTypes: ['violations']}).then((found) => JSON.stringify("
            "found.violations.map((v) => [v.impact, v.id, v.nodes[0].html.slice(0, 200)])))"
        )
        answer = session.send(
            "Runtime.evaluate",
            {"expression": f"{AXE};{run}", "awaitPromise": True, "returnByValue": True},
        )
        found = json.loads(answer["result"]["value"])
        return [one for one in found if one[0] in SERIOUS]


@contextmanager
def started() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        arguments = ["--disable-background-networking", "--disable-component-update"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium has none for root
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@contextmanager
def visit(
    browser: Browser, told: Told, *, token: str | None, width: int = 1280, dark: bool = False
) -> Iterator[Visit]:
    """Open a browser window for somebody; without a token for nobody."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    context.set_default_timeout(WAIT_MS)
    if token:
        context.add_cookies([{"name": "_token", "value": token, "url": told.url}])
    page = context.new_page()
    made = Visit(page=page, url=told.url)
    page.on(
        "console",
        lambda line: made.said.append(line.text) if line.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: made.said.append(str(error)))
    page.on("request", lambda request: made.asked.append(request.url))
    yield made
    context.close()


def admin_token(told: Told) -> str:
    """Return the token that the login gives to the administrator."""
    answer = httpx.post(
        f"{told.url}/auth/token", json={"username": USER, "password": told.password}, timeout=30
    )
    return str(answer.json()["access_token"])


def viewer_token(told: Told) -> str:
    """Return a viewer's token, signed as Airflow signs: the demo's Airflow has only one user."""
    key = (told.home / "airflow" / "secret_key").read_text()
    token = admin_token(told)
    algorithm = jwt.get_unverified_header(token)["alg"]
    claims = jwt.decode(token, options={"verify_signature": False})
    claims |= {"sub": "vera", "role": "viewer"}
    return jwt.encode(claims, key, algorithm=algorithm)
