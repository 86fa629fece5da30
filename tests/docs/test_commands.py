"""Every `evergreen …` and `make …` that the docs tell people to type exists, with its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from evergreen.cli.root import app
from evergreen.config.settings import PROJECT

PAGES = [
    PROJECT / "README.md",
    *sorted(
        path
        for path in (PROJECT / "docs").rglob("*.md")
        if path.parent.name not in ("decisions", "reference")  # history; generated
    ),
]
ROOT: Any = typer.main.get_command(app)
NAMES = re.compile(r"^(?:\.venv/bin/)?evergreen (.+)$")
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def typed(page: Path) -> Iterator[str]:
    """Yield the commands of a page's shell blocks, one a line, and those between backticks."""
    text = re.sub(r"<!--.*?-->", "", page.read_text(), flags=re.DOTALL)
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            yield line.partition("  #")[0].strip().removeprefix("$ ")
    without = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", without)


def unknown_in(command: str) -> str:
    """Return what of a command the command line does not know; `""` when it knows all."""
    found = NAMES.match(command)
    if found is None:
        return ""
    words = shlex.split(found[1].replace("…", " … "))
    at, path = ROOT, "evergreen"
    while hasattr(at, "commands"):
        if not words or words[0].startswith(("-", "…")):
            return ""  # of a group: `evergreen judge …`
        choices = words[0].split("|")
        for choice in choices:
            if choice not in at.commands:
                return f"{path} has no {choice}"
        at, path = at.commands[choices[0]], f"{path} {choices[0]}"
        words = words[1:]
    options = {name for p in at.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in options:
            return f"{path} has no {word}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_the_commands_of_a_page_exist(page: Path) -> None:
    commands = list(typed(page))
    assert [said for command in commands if (said := unknown_in(command))] == []
    made = {c.split()[1] for c in commands if re.match(r"make [a-z-]+( |$)", c)}
    assert made <= TARGETS


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("evergreen judge ctr --model m --at HOUR", ""),
        (".venv/bin/evergreen judge …", ""),
        ("evergreen step build_dataset|train --run-dir …", ""),
        ("evergreen judge cttr --model m", "evergreen judge has no cttr"),
        ("evergreen judge ctr --modell m", "evergreen judge ctr has no --modell"),
        ("evergreen incidentz", "evergreen has no incidentz"),
    ],
)
def test_what_does_not_exist_is_found(command: str, said: str) -> None:
    assert unknown_in(command) == said


def test_blocks_and_backticks_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a `evergreen x`\n<!-- `evergreen y` -->\n```sh\n$ evergreen z  # why\n```\n")
    assert list(typed(page)) == ["evergreen z", "evergreen x"]
