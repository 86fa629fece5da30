"""`evergreen judge …`: what a sensor says of one hour, as a question that leaves no trace."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.domain.windows import parse_hour

app = typer.Typer(
    no_args_is_help=True,
    help="What a sensor would say of one hour. Nothing is recorded, requested or told.",
)
Model = Annotated[str, typer.Option(help="The model: a folder of include/models.")]
At = Annotated[str, typer.Option(help="The hour, 2011-05-02T13 (UTC); it must be closed.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HEADS = ("column", "view", "PSI", "large from", "p", "rows", "importance", "verdict", "why")


@app.command()
def ctr(model: Model, at: At, as_json: Json = False) -> None:
    """Judge the click-through rate up to an hour, against the version that served it."""
    said = _ask(model, at, "ctr", as_json)
    if not as_json:
        typer.echo(_heading(said))
        for name, text in _ctr_lines(said):
            typer.echo(f"  {name:<12}{text}")


@app.command()
def drift(model: Model, at: At, as_json: Json = False) -> None:
    """Judge every column over the 24 hours up to an hour, and over that hour alone."""
    said = _ask(model, at, "drift", as_json)
    if not as_json:
        _print_columns(said["columns"])
        typer.echo(_heading(said))


def _ask(model: str, at: str, sensor: Any, as_json: bool) -> dict[str, Any]:
    from evergreen.monitor.question import ask

    spec, hour = spec_of(model), parse_hour(at)
    said = ask(spec, hour, sensor, lake=open_lake(spec), ledger=open_ledger())
    if as_json:
        typer.echo(json.dumps(said))
    return said


def _heading(said: dict[str, Any]) -> str:
    verdict = str(said["verdict"]).replace("_", " ")
    question = {"ctr": "CTR dropped?", "drift": "drift?"}[said["sensor"]]
    where = f"{said['model']} {said['hour']}, version {said['model_version']}"
    return f"{where}: {question} {verdict}: {said['reason']}"


def _ctr_lines(said: dict[str, Any]) -> list[tuple[str, str]]:
    share = said["ctr"]
    of = f"{share['successes']:,} clicks of {share['trials']:,} mature impressions"
    lines = [
        ("CTR", f"{_percent(share['value'])}  {of}"),
        ("interval", f"{_percent(share['lower'])} to {_percent(share['upper'])}"),
        ("expected", f"{_percent(said['expected'])}, allowed from {_percent(said['bound'])}"),
        ("evidence", f"{_number(said['evidence'])}, alarm above {_number(said['level'])}"),
    ]
    if said["since"]:
        was = f"CTR {_percent(said['ctr_since'])}, expected {_percent(said['expected_since'])}"
        lines.append(("since", f"{said['since']}, if anything: {was} ({_drop(said)})"))
    return lines


def _drop(said: dict[str, Any]) -> str:
    if not said["expected_since"] or said["ctr_since"] is None:
        return "-"
    return f"{said['ctr_since'] / said['expected_since'] - 1:+.0%}"


def _print_columns(columns: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for head in HEADS:
        right = head in ("PSI", "large from", "p", "rows", "importance")
        table.add_column(head, justify="right" if right else "left")
    for column in sorted(columns, key=lambda c: (-c["importance"], c["column"], c["view"])):
        table.add_row(*_cells(column))
    Console(width=None if typer.get_text_stream("stdout").isatty() else 200).print(table)


def _cells(column: dict[str, Any]) -> tuple[str, ...]:
    kind = str(column.get("kind") or column["verdict"]).replace("_", " ")
    p = column.get("p_value")
    return (
        column["column"],
        column["view"],
        _number(column.get("psi"), 3),
        _number(column.get("min_psi"), 3),
        "-" if p is None else f"{p:.1e}",
        f"{column['rows']:,}",
        f"{column['importance']:.3f}",
        kind,
        column["reason"],
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
