"""The command line as a whole: every command helps, speaks JSON, and ends errors in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from click import Command, Group

from evergreen.cli import app


def commands(group: Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Command]]:
    """Yield every command below a group with its full name."""
    for name, command in getattr(group, "commands", {}).items():
        if isinstance(command, Group) or hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


ALL = dict(commands(typer.main.get_command(app)))


def test_the_commands_that_there_are() -> None:
    assert {"demo", "retrain", "storefront import", "storefront play"} <= set(ALL)
    assert {"step build_dataset", "step train", "step evaluate", "step publish"} <= set(ALL)
    assert {"release history", "release rollback", "release reconcile"} <= set(ALL)
    assert {"monitor replay", "monitor show", "models list", "models check"} <= set(ALL)
    assert {"judge ctr", "judge drift", "profile show", "profile make"} <= set(ALL)
    assert {"validate init", "validate day"} <= set(ALL)
    assert {"incidents list", "incidents show", "incidents messages", "incidents deliver"} <= set(
        ALL
    )
    assert {"quarantine list", "quarantine show", "quarantine release"} <= set(ALL)


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_speaks_json_and_explains_itself(name: str) -> None:
    command = ALL[name]
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options
    assert command.help
    unexplained = [
        p.name for p in command.params if not getattr(p, "help", None) and p.name != "help"
    ]
    assert unexplained == []


def evergreen(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evergreen.cli", *arguments],
        env={"EVERGREEN_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_error_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    done = evergreen(tmp_path, "storefront", "play")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("SalesLogInvalid: ")
    assert "run `evergreen storefront import`" in line


def test_an_error_in_json(tmp_path: Path) -> None:
    done = evergreen(tmp_path, "models", "check", "nowhere", "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["error"] == "ModelSpecInvalid"
    assert "every model folder needs one" in said["text"]


def test_the_models_of_this_repository_are_right(tmp_path: Path) -> None:
    done = evergreen(tmp_path, "models", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert [spec["model"] for spec in json.loads(done.stdout)] == ["also_bought", "open_bandit"]


def test_a_window_that_is_no_duration(tmp_path: Path) -> None:
    done = evergreen(tmp_path, "retrain", "--model", "also_bought", "--window", "soon")
    assert done.returncode == 2
    assert "is not a duration" in done.stderr
