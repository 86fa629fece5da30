"""`evergreen quarantine …`: which hours are put aside and why, and letting one out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from evergreen.adapters.installation import open_data_docs, open_ledger, spec_of
from evergreen.adapters.secret_free import secret_free
from evergreen.cli.grid import print_grid
from evergreen.domain.errors import NotQuarantined
from evergreen.domain.windows import Window, hour_key, parse_hour
from evergreen.monitor.day_report import listed

if TYPE_CHECKING:
    import polars as pl

    from evergreen.adapters.ledger import Ledger, Quarantined

app = typer.Typer(
    no_args_is_help=True,
    help="Hours that failed their validation: nothing is learned from them, no sensor counts them.",
)
Table = Literal["impressions", "orders"]
Model = Annotated[str, typer.Option(help="The model: a folder of include/models.")]
Hour = Annotated[str, typer.Option(help="The hour, 2011-05-02T13 (UTC).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TEXT_LENGTH = 100
HOURS_NAMED = 6
HEADS = ("table", "hour", "generation", "since (UTC)", "state", "first reason")


@app.command("list")
def list_(
    model: Model,
    all_: Annotated[
        bool, typer.Option("--all", help="Also those that have left quarantine.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the hours that are in quarantine, oldest first, each with its first reason."""
    records = open_ledger().quarantine_records(spec_of(model).model, active=not all_)
    if as_json:
        typer.echo(json.dumps({"model": model, "hours": [_body(record) for record in records]}))
    elif records:
        _print_records(records)
    else:
        typer.echo(f"{model}: nothing {'was ever' if all_ else 'is'} in quarantine")


@app.command()
def show(
    model: Model,
    hour: Hour,
    table: Annotated[Table | None, typer.Option(help="Default: each that was put aside.")] = None,
    rows: Annotated[int, typer.Option(min=0, help="So many rows of each fault.")] = 5,
    as_json: Json = False,
) -> None:
    """Show why an hour was put aside: every reason, rows that show it, Data Docs, who let it out.

    Rows are kept for faults that single rows have; ids of users, orders and page views are hashed.
    """
    from evergreen.adapters.data_docs import night_run
    from evergreen.monitor.failing_samples import kept_rows

    spec, at = spec_of(model), parse_hour(hour)
    records = _records(model, at, table, open_ledger())
    docs, run = open_data_docs(spec), night_run(at)
    address = docs.address(run) if docs.has(run) else None
    kept = {record.table: kept_rows(record.sample) if record.sample else {} for record in records}
    if as_json:
        said = [
            {**_body(record), "rows": _rows_body(kept[record.table], rows)} for record in records
        ]
        typer.echo(json.dumps({"model": model, "data_docs": address, "hours": said}))
        return
    for record in records:
        for line in _lines(record, _where(record, kept[record.table]), address):
            typer.echo(line)
        _print_rows(kept[record.table], rows)


@app.command()
def release(
    model: Model,
    hour: Hour,
    reason: Annotated[str, typer.Option(help="Why it is right as it is; kept in the ledger.")],
    table: Annotated[
        Table | None, typer.Option(help="Needed where both tables have the hour in quarantine.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let an hour out: training, baselines and sensors read it from now on.

    It stays out of quarantine, whatever validation says, until it is landed again: then it is
    judged anew.
    """
    from evergreen.adapters.ledger_rows import PERSON

    if not reason.strip():
        raise typer.BadParameter("say why; whoever trains on this hour will ask")
    spec, ledger, at = spec_of(model), open_ledger(), parse_hour(hour)
    records = _records(spec.model, at, table, ledger)
    inside = [record.table for record in records if record.released_at is None]
    if len(inside) > 1:
        raise typer.BadParameter(
            f"{' and '.join(inside)} of {hour} are both in quarantine; name one with --table"
        )
    now = [one for one in inside if ledger.release_hour(model, one, at, by=PERSON, reason=reason)]
    after = [r for r in _records(model, at, table, ledger) if r.table in (now or (r.table,))]
    if as_json:
        body = {"model": model, "released": bool(now), "hours": [_body(record) for record in after]}
        typer.echo(json.dumps(body))
        return
    for record in after:
        before = "" if now else " already; nothing was done"
        typer.echo(f"{model}: {record.table} {hour} is out of quarantine{before}")
        typer.echo(f"  {_state(record)}")


def _records(model: str, hour: datetime, table: str | None, ledger: Ledger) -> list[Quarantined]:
    """Return what is on record of an hour, released or not, one record a table.

    Raises:
        NotQuarantined: nothing is; the text names the hours nearest to it that are in quarantine.
    """
    window = Window.of_hour(hour)
    found = [
        record
        for record in ledger.quarantine_records(model, window, active=False)
        if table in (None, record.table)
    ]
    if found:
        return found
    asked = f"{table or 'hour'} {hour_key(hour)}"
    inside = ledger.quarantine_records(model)
    inside.sort(key=lambda record: abs(record.hour - hour))
    names = [f"{record.table} {hour_key(record.hour)}" for record in inside]
    there = f"these are: {listed(names, HOURS_NAMED)}" if names else "nothing is"
    raise NotQuarantined(
        f"{model}: {asked} is not in quarantine and never was; {there}. All that were: `evergreen "
        f"quarantine list --model {model} --all`"
    )


def _body(record: Quarantined) -> dict[str, Any]:
    return {
        "table": record.table,
        "hour": hour_key(record.hour),
        "generation": record.generation,
        "in_quarantine": record.released_at is None,
        "reasons": record.reasons,
        "sample": record.sample and secret_free(record.sample),
        "quarantined_at": record.quarantined_at.isoformat(),
        "released_at": record.released_at.isoformat() if record.released_at else None,
        "released_by": record.released_by,
        "release_reason": record.release_reason,
    }


def _state(record: Quarantined) -> str:
    if record.released_at is None:
        return "in quarantine"
    who = {"person": "a person", "validation": "validation"}[str(record.released_by)]
    why = _printable(record.release_reason or "no reason is on record")
    return f"released by {who}, {record.released_at:%Y-%m-%d %H:%M} UTC: {why}"


def _where(record: Quarantined, kept: Mapping[str, pl.DataFrame]) -> str:
    """Return where the rows are that show the fault, or why there are none."""
    if record.sample is None:
        return "none: the fault is not in single rows, or the hour cannot be read"
    return secret_free(record.sample) if kept else f"none any more in {secret_free(record.sample)}"


def _lines(record: Quarantined, where: str, docs: str | None) -> Iterator[str]:
    since = f"since {record.quarantined_at:%Y-%m-%d %H:%M} UTC"
    generation = f"generation {record.generation}" if record.generation else "not closed"
    yield f"{record.model}: {record.table} {hour_key(record.hour)} ({generation}), {since}"
    yield f"  {'state':<12}{_state(record)}"
    for reason in record.reasons:
        yield f"  {'reason':<12}{_printable(reason)}"
    yield f"  {'rows':<12}{where}"
    yield f"  {'Data Docs':<12}{docs or 'none of that night'}"
    if record.released_at is None:
        yield (
            f"  {'way out':<12}land it again, or: evergreen quarantine release --model "
            f"{record.model} --table {record.table} --hour {hour_key(record.hour)} --reason …"
        )


def _rows_body(kept: Mapping[str, pl.DataFrame], rows: int) -> dict[str, Any]:
    return {
        fact: {"kept": frame.height, "first": json.loads(frame.head(rows).write_json())}
        for fact, frame in kept.items()
    }


def _print_records(records: Sequence[Quarantined]) -> None:
    cells = [
        (
            record.table,
            hour_key(record.hour),
            str(record.generation or "not closed"),
            f"{record.quarantined_at:%Y-%m-%d %H:%M}",
            _short(_state(record).partition(",")[0]),
            _short(record.reasons[0] if record.reasons else "")
            + (f" (+{len(record.reasons) - 1})" if len(record.reasons) > 1 else ""),
        )
        for record in records
    ]
    print_grid(HEADS, cells)


def _print_rows(kept: Mapping[str, pl.DataFrame], rows: int) -> None:
    """Print rows side by side, one line a column: a log may have more columns than fit."""
    for fact, frame in kept.items():
        first = frame.head(rows)
        if not first.height:
            continue
        typer.echo(f"{fact}: the first {first.height} of {frame.height} rows that are kept")
        heads = ("column", *(f"row {number}" for number in range(1, first.height + 1)))
        cells = [
            (name, *(_short(str(value)) for value in first[name].to_list()))
            for name in first.columns
        ]
        print_grid(heads, cells)


def _short(text: str) -> str:
    plain = _printable(text)
    return plain if len(plain) <= TEXT_LENGTH else f"{plain[: TEXT_LENGTH - 1]}…"


def _printable(text: str) -> str:
    """Spell out what a terminal would obey: values come from the lake."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
