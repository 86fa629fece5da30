"""`evergreen release …`: who was champion when and why, going back, and repairing."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evergreen.adapters.installation import open_ledger, open_published, spec_of
from evergreen.cli import release_explained

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Release

app = typer.Typer(
    name="release",
    no_args_is_help=True,
    help="Who was champion when and why; go back to an older version; repair after a crash.",
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Model = Annotated[str, typer.Option(help="The model: a folder of include/models.")]


@app.command()
def history(model: Model = "also_bought", as_json: Json = False) -> None:
    """List every release, newest first: version, kind, when, instead of what, and why."""
    spec = spec_of(model)
    releases = open_ledger().releases(spec.model)[::-1]
    if as_json:
        _print_json({"model": model, "releases": [asdict(release) for release in releases]})
    elif not releases:
        typer.echo(f"{model}: nothing was released yet")
    else:
        _print_releases(releases)


@app.command()
def rollback(
    version: Annotated[int, typer.Option(help="The version to go back to.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the ledger.")],
    model: Model = "also_bought",
    as_json: Json = False,
) -> None:
    """Make an older version champion again and put it in force at once.

    Its published set is still there, so nothing is trained or scored. The way back is another
    rollback.
    """
    from evergreen.orchestration.following import follow_ledger
    from evergreen.release.rollback import roll_back

    if not reason.strip():
        raise typer.BadParameter("say why; whoever reads the history will ask")
    spec, ledger = spec_of(model), open_ledger()
    release = roll_back(
        spec, version=version, reason=reason, ledger=ledger, published=open_published(spec)
    )
    repaired = follow_ledger(spec, ledger)
    if as_json:
        _print_json({"release": asdict(release), "changed": repaired.splitlines()})
    else:
        replaced = release.replaced_version
        typer.echo(
            f"{model}: version {version} is champion instead of {replaced} (release "
            f"{release.fence}): {reason}"
        )
        _print_lines(repaired)


@app.command()
def reconcile(model: Model = "also_bought", as_json: Json = False) -> None:
    """Bring CURRENT and the registry's alias in line with the ledger, after a crash or a hand.

    A champion whose set was never written to its end is published now. An alias that a hand had
    moved is put back, and a message says so.

    Safe to run at any time and as often as you like.
    """
    from evergreen.orchestration.following import finish_publication, follow_ledger

    spec, ledger = spec_of(model), open_ledger()
    lines = [finish_publication(spec, ledger), follow_ledger(spec, ledger)]
    repaired = "\n".join(line for line in lines if line)
    if as_json:
        champion = ledger.champion(model)
        version = None if champion is None else champion.version
        _print_json({"model": model, "champion": version, "changed": repaired.splitlines()})
    else:
        _print_lines(repaired or f"{model}: ledger, CURRENT and registry agree")


app.command("show")(release_explained.show)
app.command("diff")(release_explained.diff)


def _print_releases(releases: list[Release]) -> None:
    for release in releases:
        before = release.replaced_version
        typer.echo(
            f"release {release.fence}: version {release.version}, {release.kind}, "
            f"{release.released_at:%Y-%m-%d %H:%M} UTC"
            + ("" if before is None else f", instead of version {before}")
        )
        for reason in release.reason.split("; "):
            typer.echo(f"  {reason}")


def _print_lines(text: str) -> None:
    for line in text.splitlines():
        typer.echo(line)


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, indent=2, default=datetime.isoformat))
