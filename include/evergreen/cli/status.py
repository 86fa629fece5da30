"""`evergreen status`: how every model is, the facts that the panel shows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from evergreen.config.model_spec import model_folders
from evergreen.config.settings import settings
from evergreen.domain.errors import ModelSpecInvalid
from evergreen.domain.windows import hour_key

Model = Annotated[str | None, typer.Option(help="One model only; default: all.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HEADS = ("model", "state", "CTR", "expected", "drift", "champion", "measured", "why")
WIDTH = 200  # of a table that is piped


def status(model: Model = None, as_json: Json = False) -> None:
    """Show how every model is, worst first: what the panel's overview shows.

    A model that cannot be read is a row of its own and does not hide the others.
    """
    from evergreen.adapters.installation import open_ledger
    from evergreen.monitor.statuses import statuses

    folders = model_folders(settings().models_dir)
    if model is not None:
        folders = [folder for folder in folders if folder.name == model]
        if not folders:
            raise ModelSpecInvalid(
                f"no model is named {model!r} in {settings().models_dir}; see `evergreen models`"
            )
    ledger = open_ledger()
    try:
        found = statuses(folders, ledger=ledger, now=datetime.now(tz=UTC))
    finally:
        ledger.close()
    if as_json:
        typer.echo(json.dumps({"models": [_body(said) for said in found]}, default=_spell))
        return
    _print(found)


def _body(said: Any) -> dict[str, Any]:
    body = dataclasses.asdict(said)
    body.pop("spark")  # a picture's points: `evergreen monitor show` has every hour
    return body


def _spell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"not JSON: {value!r}")


def _print(found: Sequence[Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not found:
        typer.echo(f"no model in {settings().models_dir} yet")
        return
    table = Table()
    for head in HEADS:
        table.add_column(head, justify="right" if head in ("CTR", "expected") else "left")
    for said in found:
        table.add_row(*(escape(_printable(cell)) for cell in _cells(said)))
    terminal = typer.get_text_stream("stdout").isatty()
    Console(width=None if terminal else WIDTH, highlight=False).print(table)


def _cells(said: Any) -> tuple[str, ...]:
    ctr, champion = said.ctr, said.champion
    return (
        said.model,
        said.state.replace("_", " "),
        _percent(ctr and ctr.value),
        _percent(ctr and ctr.expected),
        _drift(said.drift),
        f"{champion.version}, {champion.age_days:.1f} d" if champion else "-",
        hour_key(said.measured_hour) if said.measured_hour else "-",
        _why(said),
    )


def _why(said: Any) -> str:
    """Return the state in words, then what waits for somebody, then the decision's first reason."""
    if said.error:
        return str(said.error)
    words = [said.headline]
    if said.quarantined_hours:
        words.append(f"{said.quarantined_hours} hours in quarantine")
    if said.undelivered:
        words.append(f"{said.undelivered.count} messages undelivered")
    if said.decision and said.decision.reasons and said.state != "healthy":
        words.append(said.decision.reasons[0])
    return "; ".join(words)


def _printable(text: str) -> str:
    """Return the text without what could steer a terminal: names of columns come from data."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _drift(said: Any) -> str:
    if said is None:
        return "-"
    names = list(dict.fromkeys(column.column for column in said.columns))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more if names else str(said.verdict).replace("_", " ")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
