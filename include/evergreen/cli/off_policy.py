"""`evergreen off-policy`: the CTR that another policy would have had."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from evergreen.adapters.installation import open_lake, spec_of
from evergreen.domain.windows import Window, parse_hour

LOGGED = "logged"


def off_policy(
    model: Annotated[str, typer.Option(help="The model: a folder of include/models.")],
    start: Annotated[str, typer.Option("--from", help="First hour: 2019-11-24T00.")],
    end: Annotated[str, typer.Option("--to", help="End, not included: 2019-12-01T00.")],
    policy: Annotated[
        str,
        typer.Option(
            help="CSV or Parquet of item_id[,context_item_id][,position],probability; or `logged`."
        ),
    ] = LOGGED,
    clip: Annotated[
        float | None, typer.Option(help="Largest weight; default: root of the impressions.")
    ] = None,
    min_effective_sample: Annotated[float, typer.Option(help="Refuse below it.")] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate a policy's CTR from impressions of another one, by their logged propensities."""
    from evergreen.monitor.off_policy import evaluate_over, read_policy

    spec = spec_of(model)
    found = evaluate_over(
        spec,
        Window(parse_hour(start), parse_hour(end)),
        None if policy == LOGGED else read_policy(Path(policy)),
        lake=open_lake(spec),
        clip=clip,
        min_effective_sample=min_effective_sample,
    )
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    for name in ("logged", "ips", "snips", "gain"):
        said = getattr(found, name)
        typer.echo(f"{name:<8} {said.value:+.4%}  {said.lower:+.4%} to {said.upper:+.4%}")
    typer.echo(
        f"mean weight {found.mean_weight:.3f}, clipped at {found.clip:g}: "
        f"{found.clipped_share:.2%} of the impressions"
    )
    typer.echo(found.text)
