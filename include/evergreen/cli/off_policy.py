"""`evergreen off-policy`: the CTR that another policy would have had."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evergreen.adapters.installation import open_lake, open_ledger, open_published, spec_of
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.windows import Window, parse_hour

if TYPE_CHECKING:
    import polars as pl

LOGGED = "logged"
POLICY = (
    "A published version's number; a CSV or Parquet of "
    "item_id[,context_item_id][,position],probability; or `logged`."
)


def off_policy(
    model: Annotated[str, typer.Option(help="The model: a folder of include/models.")],
    start: Annotated[str, typer.Option("--from", help="First hour: 2019-11-24T00.")],
    end: Annotated[str, typer.Option("--to", help="End, not included: 2019-12-01T00.")],
    policy: Annotated[str, typer.Option(help=POLICY)] = LOGGED,
    against: Annotated[
        str, typer.Option(help="The policy to compare it with, named in the same way.")
    ] = LOGGED,
    clip: Annotated[
        float | None, typer.Option(help="Largest weight; default: root of the impressions.")
    ] = None,
    min_effective_sample: Annotated[float, typer.Option(help="Refuse below it.")] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate a policy's CTR from impressions of another one, by their logged propensities.

    Hours in quarantine are left out. Exit code 3: too few impressions speak for the policy.
    """
    from evergreen.adapters.ledger_schema import to_json
    from evergreen.adapters.off_policy_log import evaluate_over
    from evergreen.domain.verdict import Verdict
    from evergreen.monitor.left_out import counted_lake

    spec, window = spec_of(model), Window(parse_hour(start), parse_hour(end))
    found = evaluate_over(
        spec,
        window,
        _policy(spec, policy),
        against=_policy(spec, against),
        lake=counted_lake(spec.model, window, lake=open_lake(spec), ledger=open_ledger()),
        clip=clip,
        min_effective_sample=min_effective_sample,
    )
    refused = found.verdict is not Verdict.YES
    if as_json:
        typer.echo(json.dumps(json.loads(to_json(asdict(found))), indent=1))
    else:
        for name in ("logged", "compared", "ips", "snips", "doubly_robust", "gain"):
            said = getattr(found, name)
            if said is not None:
                interval = f"{said.lower:+.4%} to {said.upper:+.4%}"
                typer.echo(f"{name.replace('_', ' '):<13} {said.value:+.4%}  {interval}")
        typer.echo(
            f"mean weight {found.mean_weight:.3f}, clipped at {found.clip:g}: "
            f"{found.clipped_share:.2%} of the impressions"
        )
        typer.echo(f"refused: {found.text}" if refused else found.text)
    if refused:
        raise typer.Exit(3)


def _policy(spec: ModelSpec, name: str) -> pl.DataFrame | None:
    from evergreen.adapters.policies import policy_of_lists, read_policy

    if name == LOGGED:
        return None
    if not name.isdigit():
        return read_policy(Path(name))
    published, version = open_published(spec), int(name)
    return policy_of_lists(
        published.recommendations(version), published.popular(version), spec.gate.k
    )
