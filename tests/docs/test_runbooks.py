"""Each kind of message has a runbook of its name, with the same headings in the same order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evergreen.config.settings import PROJECT
from evergreen.domain.alert import Alert

FOLDER = PROJECT / "docs" / "runbooks"
HEADINGS = ["It means", "Look at", "Do", "Tune or silence", "Wake someone when"]
MOST_LINES = 70  # it is read at night


@pytest.mark.parametrize("alert", Alert)
def test_an_alert_has_a_runbook_with_the_headings(alert: Alert) -> None:
    page = FOLDER / f"{alert}.md"
    assert page.is_file(), f"write docs/runbooks/{alert}.md"
    text = page.read_text()
    assert text.startswith(f"# {alert}\n")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == HEADINGS
    for heading, body in sections(page).items():
        assert len(body.split()) > 3, f"{page.name}: nothing under {heading}"
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("alert", Alert)
def test_the_index_lists_it(alert: Alert) -> None:
    assert f"| [{alert}]({alert}.md) |" in (FOLDER / "README.md").read_text()


def test_no_runbook_is_of_an_alert_that_is_gone() -> None:
    models = {path.parent.name for path in (PROJECT / "include" / "models").glob("*/model.yaml")}
    known = {"README", *models, *(str(alert) for alert in Alert)}
    assert {path.stem for path in FOLDER.glob("*.md")} <= known


def sections(page: Path) -> dict[str, str]:
    """Return the text below each heading."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
