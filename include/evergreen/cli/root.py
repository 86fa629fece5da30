"""The root of the command line: one group of commands a module, one place for errors."""

from __future__ import annotations

import json
import signal
import sys

import typer

import evergreen
from evergreen.cli import (
    backtest,
    demo,
    incidents,
    judge,
    models,
    monitor,
    off_policy,
    profile,
    quarantine,
    release,
    reproduce,
    retrain,
    status,
    step,
    storefront,
    tune,
    validate,
)
from evergreen.domain.errors import EvergreenError

app = typer.Typer(
    name="evergreen",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Keeps deployed recommenders fresh: monitors them, retrains them, and deploys only a "
    "proven winner. State lies under EVERGREEN_HOME (default: .evergreen in the project).",
)
app.command("demo")(demo.demo)
app.command("status")(status.status)
app.add_typer(models.app, name="models")
app.add_typer(storefront.app, name="storefront")
app.add_typer(monitor.app, name="monitor")
app.add_typer(judge.app, name="judge")
app.add_typer(profile.app, name="profile")
app.add_typer(validate.app, name="validate")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(incidents.app, name="incidents")
app.command("off-policy")(off_policy.off_policy)
app.command("backtest")(backtest.backtest)
app.command("tune")(tune.tune)
app.command("retrain")(retrain.retrain)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(step.app, name="step")
app.add_typer(release.app, name="release")


@app.command()
def version(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Print Evergreen's version."""
    said = {"evergreen": evergreen.__version__}
    typer.echo(json.dumps(said) if as_json else said["evergreen"])


def main() -> None:
    """Run the command line; an error that a person can act on is one line, without a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the first process of a pod ignores it
    try:
        app()
    except EvergreenError as error:
        kind = type(error).__name__
        if "--json" in sys.argv:
            typer.echo(json.dumps({"error": kind, "text": str(error)}))
        typer.secho(f"{kind}: {error}", fg="red", err=True)
        sys.exit(1)
