"""`evergreen tune`: which settings of the monitor would have earned this shop the most clicks?"""

from __future__ import annotations

import json
import signal
import sys
from typing import Annotated, Any

import typer

from evergreen.cli.backtest import (
    Builtin,
    Data,
    From,
    Jobs,
    Json,
    Model,
    To,
    asked_spec,
    make_plan,
    write_atomic,
)
from evergreen.config.settings import settings


def tune(
    model: Model,
    start: From = None,
    to: To = None,
    data: Data = None,
    builtin: Builtin = False,
    trials: Annotated[int, typer.Option(help="Settings to try.", min=2, max=500)] = 16,
    parts: Annotated[
        int, typer.Option(help="Parts of the time; the last one chooses nothing.", min=2, max=12)
    ] = 4,
    clicks_a_retraining: Annotated[
        float,
        typer.Option(help="Clicks that a retraining must win to be worth it.", min=0),
    ] = 100.0,
    seed: Annotated[int, typer.Option(help="Of the settings that are drawn.")] = 7,
    write: Annotated[
        bool, typer.Option("--write", help="Write the proposal into model.yaml.")
    ] = False,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Try settings of the monitor and the trigger on a history, and propose the best ones.

    Many settings are replayed over the first part of the time, the better half over more of it, and
    so on. What was chosen is proved on the last part, which chose nothing. Without --write nothing
    is changed.
    """
    from evergreen.backtest.tuning import tune as search
    from evergreen.backtest.yaml_edit import snippet, with_values
    from evergreen.config.model_spec import read_raw

    if data is not None and builtin:
        raise typer.BadParameter("give --data or --builtin, not both")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan, _ = make_plan(asked_spec(model, None, None), start, to, data, builtin, jobs)
    folder = settings().models_dir / model
    said = search(
        plan,
        read_raw(folder),
        trials=trials,
        parts=parts,
        price=clicks_a_retraining,
        seed=seed,
        say=lambda text: typer.echo(text, err=True),
    )
    if as_json:
        typer.echo(json.dumps(said))
    else:
        _print(said)
    if said["proposal"] is None:
        return
    values = said["proposal"]["settings"]
    if write:
        path = folder / "model.yaml"
        write_atomic(path, with_values(path.read_text(), values))
        typer.echo(f"written: {path.name} of {model}", err=as_json)
    elif not as_json:
        typer.echo(f"\nTo use it, put this into model.yaml, or add --write:\n\n{snippet(values)}")


def _print(said: dict[str, Any]) -> None:
    typer.echo("clicks against retrainings, of the settings that came through:")
    for one in said["front"]:
        names = ", ".join(f"{k}={v}" for k, v in one["settings"].items()) or "model.yaml as it is"
        typer.echo(f"  {one['retrains']:>3} retrainings  CTR {one['ctr']:.2%}  {names}")
    own, best = said["own"], said["proposal"]
    typer.echo(f"model.yaml as it is: {_evidence(own)}")
    if best is None:
        typer.echo("no other setting did better on the part that chose nothing: keep yours")
    else:
        typer.echo(f"the proposal: {_evidence(best)}")


def _evidence(one: dict[str, Any]) -> str:
    chosen, proof = one["scores"][-1], one["proof"]
    return (
        f"CTR {chosen['ctr']:.2%} with {chosen['retrains']} retrainings where it was chosen, "
        f"{proof['ctr']:.2%} with {proof['retrains']} on the last part"
    )
