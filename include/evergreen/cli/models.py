"""`evergreen models …`: which models there are, whether they are right, a new one."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from evergreen.adapters.installation import spec_of
from evergreen.cli import models_add
from evergreen.config.model_spec import load_specs
from evergreen.config.settings import settings

app = typer.Typer(no_args_is_help=True, help="The models of this installation.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the models, one a folder of EVERGREEN_MODELS_DIR."""
    specs = load_specs(settings().models_dir)
    if as_json:
        typer.echo(json.dumps([spec.model_dump(mode="json", by_alias=True) for spec in specs]))
        return
    for spec in specs:
        typer.echo(f"{spec.model:<24} {spec.owner:<16} {spec.description}")


@app.command()
def check(
    model: Annotated[str, typer.Argument(help="The model's folder.")], as_json: Json = False
) -> None:
    """Read one model.yaml and say whether it is right; every default is filled in."""
    spec = spec_of(model)
    body = spec.model_dump(mode="json", by_alias=True)
    typer.echo(json.dumps(body) if as_json else f"{model}: model.yaml is right")


app.command("add")(models_add.add)
