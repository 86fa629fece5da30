"""`evergreen retrain`: the retrain DAG's chain on this machine, without Airflow."""

from __future__ import annotations

import getpass
import json
import os
from datetime import timedelta
from typing import Annotated

import typer

from evergreen.adapters.installation import spec_of
from evergreen.config.durations import parse_duration
from evergreen.domain.windows import parse_hour


def retrain(
    model: Annotated[str, typer.Option(help="The model: a folder of include/models.")],
    until: Annotated[
        str | None, typer.Option(help="End of the window, 2011-02-01T00; default: newest hour.")
    ] = None,
    window: Annotated[str | None, typer.Option(help="Length of the window: 28d.")] = None,
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")] = "by hand",
    force: Annotated[
        bool, typer.Option(help="Train again what was trained; the gate still decides.")
    ] = False,
    approve: Annotated[
        bool, typer.Option(help="Say yes where deploy.approval wants a person.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a challenger, compare it with the champion, and put a proven winner in force.

    The same window again is the same run: it returns what it found the first time. So a run that
    waits for a person's approval is run again with `--approve`.
    """
    from evergreen.orchestration.in_process import retrain as run

    result = run(
        spec_of(model),
        until=parse_hour(until) if until else None,
        window=_duration(window) if window else None,
        force=force,
        reason=reason,
        approved_by=_user() if approve else None,
        say=lambda text: typer.echo(text, err=True),
    )
    result = {name: value for name, value in result.items() if name != "evidence"}
    if as_json:
        typer.echo(json.dumps(result))
        return
    released = result["released"]
    typer.echo(f"{result['verdict']}: version {result['version']}")
    for line in result["reasons"]:
        typer.echo(f"  {line}")
    typer.echo(f"in force: release {released['fence']}" if released else "the champion stays")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--window") from None
