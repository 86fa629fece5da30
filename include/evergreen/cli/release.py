"""`evergreen release …`: who was champion when and why, going back, and repairing."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger, Release
    from evergreen.adapters.published import Published
    from evergreen.adapters.registry import Registry
    from evergreen.config.model_spec import ModelSpec

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
    spec = _spec(model)
    releases = _ledger().releases(spec.model)[::-1]
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
    from evergreen.release.promote import follow
    from evergreen.release.rollback import roll_back

    if not reason.strip():
        raise typer.BadParameter("say why; whoever reads the history will ask")
    spec, ledger = _spec(model), _ledger()
    release = roll_back(
        spec, version=version, reason=reason, ledger=ledger, published=_published(spec)
    )
    repaired = follow(spec, ledger, _published(spec), _registry())
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

    Safe to run at any time and as often as you like.
    """
    from evergreen.release.promote import follow

    spec, ledger = _spec(model), _ledger()
    repaired = follow(spec, ledger, _published(spec), _registry())
    if as_json:
        champion = ledger.champion(model)
        version = None if champion is None else champion.version
        _print_json({"model": model, "champion": version, "changed": repaired.splitlines()})
    else:
        _print_lines(repaired or f"{model}: ledger, CURRENT and registry agree")


def _spec(model: str) -> ModelSpec:
    from evergreen.config.model_spec import load_spec
    from evergreen.config.settings import settings

    return load_spec(settings().models_dir / model)


def _ledger() -> Ledger:
    from evergreen.adapters.ledger import Ledger
    from evergreen.config.settings import settings

    ledger = Ledger(settings().ledger)
    ledger.migrate()
    return ledger


def _published(spec: ModelSpec) -> Published:
    from evergreen.adapters.published import Published
    from evergreen.config.settings import settings

    return Published(settings().published_root(spec.model))


def _registry() -> Registry:
    from evergreen.adapters.registry import Registry
    from evergreen.config.settings import settings

    return Registry.of(settings())


def _print_releases(releases: list[Release]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("release", "version", "kind", "released (UTC)", "instead of", "reason")
    for release in releases:
        table.add_row(
            str(release.fence),
            str(release.version),
            release.kind,
            f"{release.released_at:%Y-%m-%d %H:%M:%S}",
            "—" if release.replaced_version is None else str(release.replaced_version),
            release.reason,
        )
    Console().print(table)


def _print_lines(text: str) -> None:
    for line in text.splitlines():
        typer.echo(line)


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, indent=2, default=datetime.isoformat))
