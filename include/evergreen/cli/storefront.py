"""`evergreen storefront …`: import a sales log, play it into the lake, see how far it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from evergreen.domain.windows import Window
    from evergreen.storefront.log_store import ImportedLog
    from evergreen.storefront.play import PlayReport, Progress

WEEK = timedelta(weeks=1)

app = typer.Typer(
    name="storefront",
    no_args_is_help=True,
    help="A shop whose customers are real baskets: turns a sales log into page views and clicks.",
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Model = Annotated[str, typer.Option(help="Whose recommendations the shop shows.")]


@app.command("import")
def import_(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A .parquet, .csv or .xlsx file with the columns of UCI Online Retail, or a "
            "folder of them. Without it: the built-in shop.",
            show_default=False,
        ),
    ] = None,
    builtin: Annotated[bool, typer.Option("--builtin", help="The built-in shop.")] = False,
    as_json: Json = False,
) -> None:
    """Read, clean and keep a sales log, and say what was left out and why.

    UCI's own log: download Online Retail.xlsx (archive.ics.uci.edu/dataset/352), give its path.
    The same log again returns at once.
    """
    from evergreen.config.settings import settings
    from evergreen.storefront.log_store import import_log

    if builtin and path:
        raise typer.BadParameter("give a path or --builtin, not both")
    said = import_log(path, home=settings().home)
    if as_json:
        _print_json(asdict(said))
    else:
        _print_import(said)


@app.command()
def play(
    model: Model = "also_bought",
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="First hour, UTC, in the lake's time (the log's plus --shift): 2011-02-01 or "
            "2011-02-01T13. Default: where the log starts.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="First hour not played. Default: where the log ends, or now."),
    ] = None,
    shift: Annotated[
        str,
        typer.Option(
            help="Move the log's clock by whole weeks, e.g. 780w; auto: to end in the past week."
        ),
    ] = "0w",
    again: Annotated[bool, typer.Option("--again", help="Land closed hours again.")] = False,
    as_json: Json = False,
) -> None:
    """Land the page views, clicks and orders of a stretch of the log, hour by hour.

    Every basket line is a page view of its item and shows five of the published recommendations.
    Hours that are closed already are skipped, so a play that was ended goes on where it stopped.
    """
    from evergreen.adapters.lake import Lake
    from evergreen.adapters.published import Published
    from evergreen.config.model_spec import load_spec
    from evergreen.config.settings import settings
    from evergreen.storefront import play as playing
    from evergreen.storefront.log_store import load_orders

    spec = load_spec(settings().models_dir / model)
    orders = load_orders(settings().home)
    covered = playing.log_window(orders)
    moved_by = _shift(shift, covered)
    window = _window(from_, to, covered, moved_by)
    with _progress(quiet=as_json) as progress:
        report = playing.play(
            orders,
            window,
            lake=Lake.of(spec, settings()),
            published=Published(settings().published_root(model)),
            shift=moved_by,
            features=spec.features.names,
            again=again,
            progress=progress,
        )
    _print_play(report, as_json=as_json, shift=moved_by)


@app.command("import-bandit")
def import_bandit(
    data: Annotated[Path, typer.Option(help="Folder with the Open Bandit Dataset's CSV files.")],
    policy: Annotated[Literal["random", "bts"], typer.Option(help="Who chose the items.")],
    campaign: Annotated[Literal["men", "women"], typer.Option(help="Which page.")] = "men",
    model: Annotated[str, typer.Option(help="Whose lake gets the hours.")] = "open_bandit",
    version: Annotated[
        str | None,
        typer.Option(help="Model version that the rows name. Default: the policy."),
    ] = None,
    shift: Annotated[
        str, typer.Option(help="Move the log's clock by whole weeks: 1w, so that hours differ.")
    ] = "0w",
    again: Annotated[bool, typer.Option("--again", help="Land closed hours again.")] = False,
    as_json: Json = False,
) -> None:
    """Land a policy's week of real impressions and clicks, under the log's own column names.

    Hours that are closed already are left as they are; hours without rows are closed too.
    """
    from evergreen.adapters.installation import open_lake, spec_of
    from evergreen.config.durations import parse_duration
    from evergreen.domain.windows import hour_key
    from evergreen.storefront.bandit_log import land_bandit_log, read_bandit_log

    try:
        moved_by = parse_duration(shift)
    except ValueError as error:
        raise typer.BadParameter(f"--shift: {error}") from None
    rows = read_bandit_log(data, policy, campaign)
    report = land_bandit_log(
        rows, open_lake(spec_of(model)), version=version or policy, shift=moved_by, again=again
    )
    start, end = hour_key(report.window.start), hour_key(report.window.end)
    if as_json:
        _print_json({**asdict(report), "window": {"start": start, "end": end}})
        return
    skipped = f" ({report.hours_skipped} were closed before)" if report.hours_skipped else ""
    typer.echo(
        f"{report.hours} hours from {start} to {end} landed{skipped}: "
        f"{report.impressions:,} impressions, {report.clicks:,} clicks"
    )


@app.command()
def status(model: Model = "also_bought", as_json: Json = False) -> None:
    """Say which log is imported, how far it was played and which version the shop shows."""
    from evergreen.adapters.lake import Lake
    from evergreen.adapters.published import Published
    from evergreen.config.model_spec import load_spec
    from evergreen.config.settings import settings
    from evergreen.storefront.log_store import imported_log

    spec = load_spec(settings().models_dir / model)
    said = imported_log(settings().home)
    newest = Lake.of(spec, settings()).newest_closed_hour("impressions")
    current = Published(settings().published_root(model)).current()
    body: dict[str, object] = {
        "source": said.source if said else None,
        "log_first": said.first if said else None,
        "log_last": said.last if said else None,
        "newest_closed_hour": newest.isoformat() if newest else None,
        "model": model,
        "published_version": current.version if current else None,
    }
    if as_json:
        _print_json(body)
        return
    for name, value in body.items():
        typer.echo(f"{name.replace('_', ' '):<20}{'-' if value is None else value}")


def _shift(text: str, covered: Window) -> timedelta:
    from evergreen.config.durations import parse_duration

    if text == "auto":
        return (datetime.now(UTC) - covered.end) // WEEK * WEEK
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"--shift: {error}; or auto") from None


def _window(first: str | None, end: str | None, covered: Window, shift: timedelta) -> Window:
    from evergreen.domain.windows import Window, floor_hour

    start = _moment(first, "--from") if first else covered.start + shift
    default_end = max(start, min(covered.end + shift, floor_hour(datetime.now(UTC))))
    return Window(start, _moment(end, "--to") if end else default_end)


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option} {text!r} is not like 2011-02-01 or 2011-02-01T13"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress | None]:
    """Show a bar on stderr, so that stdout stays the result's."""
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("playing"), BarColumn(), MofNCompleteColumn(), TextColumn("hours"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("play", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_import(said: ImportedLog) -> None:
    from rich.console import Console
    from rich.table import Table

    from evergreen.storefront.cleaning import RULES

    table = Table(title=f"{said.source}: lines left out")
    table.add_column("rule")
    table.add_column("lines", justify="right")
    table.add_column("why", style="dim")
    for rule, count in said.dropped.items():
        table.add_row(rule, f"{count:,}", RULES[rule])
    console = Console()
    console.print(table)
    console.print(
        f"{said.lines_kept:,} of {said.lines_read:,} lines kept: {said.orders:,} orders of "
        f"{said.items:,} items by {said.customers:,} known customers, {said.first} to {said.last}",
        highlight=False,
    )


def _print_play(report: PlayReport, *, as_json: bool, shift: timedelta) -> None:
    body = asdict(report) | {"ctr": report.ctr, "fallback_share": report.fallback_share}
    if as_json:
        _print_json(body | {"shift_weeks": shift // WEEK})
        return
    skipped = f" ({report.hours_skipped:,} were closed before)" if report.hours_skipped else ""
    typer.echo(f"{report.hours:,} hours landed{skipped}: {report.page_views:,} page views")
    if report.impressions:
        typer.echo(
            f"{report.impressions:,} impressions, {report.clicks:,} clicks, CTR {report.ctr:.2%}, "
            f"{report.fallback_share:.1%} of them fallback"
        )


def _print_json(body: dict[str, object]) -> None:
    typer.echo(json.dumps(body))
