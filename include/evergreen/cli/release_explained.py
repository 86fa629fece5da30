"""`evergreen release show` and `diff`: why a version came to power, and what sets two apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.config.settings import settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Model = Annotated[str, typer.Option(help="The model: a folder of include/models.")]


def show(
    fence: Annotated[int | None, typer.Option(help="The release's number.")] = None,
    version: Annotated[int | None, typer.Option(help="Or a version: its newest release.")] = None,
    model: Model = "also_bought",
    as_json: Json = False,
) -> None:
    """Explain one release: who asked for it, every rule it was weighed by, what it learned from.

    Down to the manifest of its training, the files' generations and the digests. Of a version that
    was held it explains the gate's verdict.
    """
    if (fence is None) == (version is None):
        raise typer.BadParameter("name one release: --fence N, or --version N")
    body = _explained(model, fence=fence, version=version)
    if as_json:
        _print_json(body)
        return
    for line in _lines(body):
        typer.echo(line)


def diff(
    old: Annotated[int, typer.Argument(help="A version.")],
    new: Annotated[int, typer.Argument(help="Another one.")],
    model: Model = "also_bought",
    as_json: Json = False,
) -> None:
    """Say what sets two versions apart: window, spec, code, parameters, metrics, rules."""
    from evergreen.release.explain import differences

    sides = [_explained(model, fence=None, version=version) for version in (old, new)]
    found = differences(*sides)
    if as_json:
        _print_json({"model": model, "versions": [old, new], "differences": found})
        return
    typer.echo(f"{model}: version {old} → version {new}")
    for section, changes in found.items():
        typer.echo(f"{section}:")
        for key, (before, after) in changes.items():
            typer.echo(f"  {key}: {_spell(before)} → {_spell(after)}")
    if not found:
        typer.echo("nothing differs")


def _explained(model: str, *, fence: int | None, version: int | None) -> dict[str, Any]:
    from evergreen.orchestration.explaining import explained

    spec = spec_of(model)
    return explained(spec.model, open_ledger(), settings(), fence=fence, version=version)


def _lines(body: Mapping[str, Any]) -> Iterator[str]:
    from evergreen.release.explain import rule_line

    before, training, asked = body["replaced_version"], body["training"], body["requested"]
    who = f"release {body['fence']}: " if body["fence"] else ""
    yield (
        f"{who}version {body['version']}, {body['kind']}, "
        f"{body['released_at']:%Y-%m-%d %H:%M} UTC"
        + ("" if before is None else f", instead of version {before}")
    )
    yield f"verdict: {body['verdict'] or 'unknown'}"
    yield from (f"  {reason}" for reason in body["reasons"])
    yield "rules:" if body["rules"] else "rules: none on record"
    yield from (f"  {rule_line(rule)}" for rule in body["rules"])
    yield f"asked for: {asked['trigger'] or 'unknown'}: {asked['reason'] or 'no reason given'}"
    if asked["decision"]:
        said = asked["decision"]
        yield f"  by the monitor's decision {said['id']} on {said['hour']}: {said['action']}"
        yield from (f"    {reason}" for reason in said["reasons"])
    window = body["window"] or {}
    yield f"window: {window.get('start', 'unknown')} to {window.get('end', 'unknown')}"
    for name, value in {**training, **body["code"], **body["digests"]}.items():
        yield f"  {name}: {_spell(value)}"


def _spell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_spell(each)}" for key, each in value.items()) or "none"
    return "unknown" if value is None else str(value)


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, indent=2, default=datetime.isoformat))
