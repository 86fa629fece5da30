"""`evergreen reproduce`: train a version again and compare it with the ledger, to the byte."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from evergreen.adapters.installation import spec_of
from evergreen.config.settings import settings


def reproduce(
    version: Annotated[int, typer.Argument(help="The version to train again.")],
    model: Annotated[str, typer.Option(help="The model: a folder of include/models.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a version again from its manifest, in a fresh folder, and compare the model's digest.

    The same files, spec, features.py and steps. Exit code 0 only when the digests are equal; else
    it says what is not as it was then. Nothing is registered, released or published.
    """
    from evergreen.orchestration.reproducing import reproduce as run

    done = run(
        spec_of(model),
        version,
        settings=settings(),
        say=lambda text: typer.echo(text, err=True),
    )
    if as_json:
        typer.echo(json.dumps({**asdict(done), "equal": done.equal}))
    else:
        typer.echo(f"{model} version {version}, run {done.run_key}")
        typer.echo(f"  in the ledger  sha256 {done.expected}")
        typer.echo(f"  trained again  {f'sha256 {done.found}' if done.found else 'not at all'}")
        for line in done.differences:
            typer.echo(f"  {line}")
        if done.equal:
            typer.echo("the same model")
        elif done.found:
            typer.echo(f"another model; the fresh run is kept: {done.run_dir}")
        else:
            typer.echo("it cannot be trained again")
    if not done.equal:
        raise typer.Exit(1)
