"""`evergreen monitor …`: what the sensors say of past hours, without Airflow and without acting."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated, Any

import typer

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.domain.windows import Window, hour_key, parse_hour

app = typer.Typer(
    no_args_is_help=True,
    help="What the sensors say of past hours. Nothing is requested and nobody is told.",
)
Model = Annotated[str, typer.Option(help="The model: a folder of include/models.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
From = Annotated[str, typer.Option("--from", help="First hour, 2011-05-02T00 (UTC).")]
To = Annotated[str, typer.Option("--to", help="The hour after the last, 2011-05-16T00 (UTC).")]


@app.command()
def replay(model: Model, start: From, end: To, as_json: Json = False) -> None:
    """Measure, judge and decide every closed hour again, and write the measurements."""
    from evergreen.orchestration.in_process import replay_monitor

    window = Window(parse_hour(start), parse_hour(end))
    decisions = list(replay_monitor(spec_of(model), window))
    asked = [d["hour"] for d in decisions if d["would"].startswith("request")]
    said: dict[str, Any] = {
        "model": model,
        "hours": len(decisions),
        "would": dict(Counter(d["would"] for d in decisions)),
        "first_request": asked[0] if asked else None,
    }
    if as_json:
        typer.echo(json.dumps({**said, "decisions": decisions}))
        return
    counts: dict[str, int] = said["would"]
    would = ", ".join(f"{action} {count}" for action, count in counts.items())
    typer.echo(f"{len(decisions)} hours of {model}: {would or 'none is closed'}")
    typer.echo(f"first request for a retraining: {said['first_request'] or 'none'}")


@app.command()
def show(model: Model, start: From, end: To, as_json: Json = False) -> None:
    """Show the measurements that the ledger holds, hour by hour."""
    window = Window(parse_hour(start), parse_hour(end))
    rows = [
        {"hour": hour_key(m.hour), "sensor": m.sensor, "verdict": m.verdict, "body": m.body}
        for m in open_ledger().measurements(model, window)
    ]
    if as_json:
        typer.echo(json.dumps({"model": model, "measurements": rows}))
        return
    for row in rows:
        what = f"{row['hour']}  {row['sensor']:<12} {row['verdict']:<16}"
        typer.echo(f"{what} {_detail(row['body'])}")


def _detail(body: dict[str, Any]) -> str:
    """Return a measurement's reason, or what was counted or found where it has none."""
    if "reason" in body:
        return str(body["reason"])
    if "impressions" in body:
        return (
            f"version {body['model_version']}: {body['impressions']:,} impressions, "
            f"{body['clicks']:,} clicks"
        )
    return "; ".join(map(str, body.get("findings", ()))) or "nothing found"
