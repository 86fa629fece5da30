"""`evergreen step …`: one step of a retraining, the same command in a process and in a pod."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from evergreen.adapters.installation import open_published, open_registry, spec_of
from evergreen.config.settings import settings

app = typer.Typer(
    no_args_is_help=True,
    help="One step of a retraining. A step that has its result returns it at once, so every step "
    "is safe to run again.",
)
RunDirOption = Annotated[str, typer.Option("--run-dir", help="What freezing the window printed.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("build_dataset")
def build_dataset(run_dir: RunDirOption, as_json: Json = False) -> None:
    """From the frozen files to rows to learn from and page views to be judged on."""
    from evergreen.trainer.dataset import build_dataset as run

    _print(run(run_dir, settings()), as_json)


@app.command("train")
def train(
    run_dir: RunDirOption,
    variant: Annotated[str, typer.Option(help="Which variant of model.yaml.")] = "full_28d",
    as_json: Json = False,
) -> None:
    """Train one variant; stored as XGBoost UBJ."""
    from evergreen.config.train_spec import FRESH
    from evergreen.trainer.fit import train as run

    registry = open_registry() if variant == FRESH else None
    _print(run(run_dir, variant, registry=registry), as_json)


@app.command("evaluate")
def evaluate(
    run_dir: RunDirOption,
    champion: Annotated[int, typer.Option(help="Version to compare with; 0 for none.")] = 0,
    as_json: Json = False,
) -> None:
    """Compare challenger, champion and popularity on the holdout; register the challenger."""
    from evergreen.trainer.evaluate import evaluate as run

    spec = spec_of(_model_of(run_dir))
    result = run(
        run_dir, champion or None, published=open_published(spec), registry=open_registry()
    )
    _print({name: value for name, value in result.items() if name != "profile"}, as_json)


@app.command("publish")
def publish(
    run_dir: RunDirOption,
    version: Annotated[int, typer.Option(help="The released version.")],
    fence: Annotated[int, typer.Option(help="The release's number.")],
    as_json: Json = False,
) -> None:
    """Write a released version's recommendations and put them in force."""
    from evergreen.trainer.publish import publish as run

    published = open_published(spec_of(_model_of(run_dir)))
    _print(run(run_dir, version=version, fence=fence, published=published), as_json)


def _model_of(run_dir: str) -> str:
    from evergreen.trainer.manifest import RunDir

    return str(RunDir(run_dir).manifest()["model"])


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result))
        return
    for name, value in result.items():
        typer.echo(f"{name}: {value}")
