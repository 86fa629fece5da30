"""`evergreen incidents check`: whether the token works, and which channels it finds."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from evergreen.config.model_spec import load_specs
from evergreen.config.settings import settings
from evergreen.domain.errors import SlackRefused

if TYPE_CHECKING:
    from evergreen.adapters.slack import Slack

NOT_SET_UP = (
    "there is no token: set EVERGREEN_SLACK_TOKEN, or run this where Airflow runs (AIRFLOW_HOME) "
    "with its connection set up"
)
SEVERITIES = ("info", "warning", "error")


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that Slack knows the token, and look for the models' channels. Posts nothing.

    A private channel is found only when the app is in it.
    """
    from evergreen.orchestration.slack_access import open_slack

    find_connections()
    slack = open_slack()
    if slack is None:
        raise SlackRefused(NOT_SET_UP, code="not_authed")
    specs = load_specs(settings().models_dir)
    wanted = {spec.model: {spec.channel_for(severity) for severity in SEVERITIES} for spec in specs}
    names = sorted(set().union(*wanted.values()) - {""})
    said = {**slack.who(), "channels": {name: _found(slack, name) for name in names}}
    if as_json:
        typer.echo(json.dumps({**said, "kept_only": [m for m, c in wanted.items() if c == {""}]}))
        return
    typer.echo(f"the token is of {said['user']} in {said['team']}")
    for name, found in said["channels"].items():
        typer.echo(f"  {name}: {found}")
    for model, channels in wanted.items():
        if channels == {""}:
            typer.echo(f"  {model} names no channel: its messages are kept in the ledger")


def find_connections() -> None:
    """Let Airflow look for connections in its database, where AIRFLOW_HOME says which Airflow.

    Without it a command would make a home and a database that nobody wants.
    """
    if "AIRFLOW_HOME" in os.environ:
        os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def _found(slack: Slack, name: str) -> str:
    try:
        found = slack.channel_id(name)
    except SlackRefused as error:
        return f"cannot be looked for: {error.code}"
    return f"found, {found}" if found else "not found: misspelt, archived, or the app is not in it"
