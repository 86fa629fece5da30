"""`evergreen validate …`: the suites that a model's data must meet, and whether a day does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evergreen.adapters.installation import (
    open_data_docs,
    open_lake,
    open_ledger,
    open_published,
    spec_of,
)
from evergreen.adapters.secret_free import secret_free
from evergreen.domain.errors import HourNotClosed
from evergreen.domain.windows import hour_key
from evergreen.monitor.day_report import listed

if TYPE_CHECKING:
    from evergreen.adapters.lake import Lake

app = typer.Typer(
    no_args_is_help=True,
    help="What a model's data must be like: its suites of expectations, and whether a day meets "
    "them.",
)
Model = Annotated[str, typer.Option(help="The model: a folder of include/models.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DAY = timedelta(days=1)
TABLES = ("impressions", "orders")
FINDINGS_SAID = 5
HOURS_SAID = 6


@app.command()
def init(
    model: Model,
    days: Annotated[
        int, typer.Option(min=1, help="Learn the bounds from so many of the newest whole days.")
    ] = 14,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite suites that are there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a model's suites from its spec, its profile and its newest days; then they are yours.

    Choose days on which all was well: what they show is taken to be right. Hours in quarantine are
    left out.
    """
    from evergreen.adapters.quality_files import write_suites
    from evergreen.adapters.quality_suites import default_suites
    from evergreen.monitor.reference_days import facts_of_days, newest_days, serving_profile

    spec, ledger = spec_of(model), open_ledger()
    lake, published = open_lake(spec), open_published(spec)
    profile = serving_profile(spec, lake=lake, ledger=ledger)
    window, reference = newest_days(lake, days), None
    if window is not None:
        reference = facts_of_days(spec, window, lake=lake, ledger=ledger, published=published)
    suites = default_suites(spec, profile, reference)
    paths = write_suites(suites, model, force=force)
    said = {
        "model": model,
        "reference": None if window is None else [hour_key(window.start), hour_key(window.end)],
        "profile": profile.model_version if profile.columns else None,
        "suites": {
            frame: {"file": str(path), "expectations": len(suite["expectations"])}
            for (frame, suite), path in zip(suites.items(), paths, strict=True)
        },
        "left_out": _left_out(default_suites(spec, profile, None), suites),
    }
    typer.echo(json.dumps(said) if as_json else _text(said))


@app.command()
def day(
    model: Model,
    day: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="The day, 2025-05-09 (UTC); it must be over."),
    ],
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Only this day, as a backfill does; its record says so."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Validate a day, and the days before it that have changed, as the nightly task does.

    Hours that fail are put into quarantine and those that pass leave it; nobody is told. What was
    found is the answer, so a day that fails is no error.
    """
    from evergreen.orchestration.nightly import validate_night

    spec, start = spec_of(model), day.replace(tzinfo=UTC)
    _require_over(open_lake(spec), start)
    reports = validate_night(
        spec, start, replay=replay, say=lambda text: typer.echo(text, err=True)
    )
    docs = open_data_docs(spec)
    days = [
        {
            **report.body(),
            "released": list(report.released),
            "data_docs": docs.address(report.run),
        }
        for report in reports
    ]
    if as_json:
        typer.echo(json.dumps({"model": model, "days": days}))
        return
    for said in days:
        for line in _day_lines(model, said):
            typer.echo(line)


def _day_lines(model: str, said: dict[str, Any]) -> Iterator[str]:
    counts = f"{_count(said['errors'], 'error')}, {_count(said['warnings'], 'warning')}"
    of = ", ".join(
        f"{rows:,} {table} in {said['hours'][table]} hours" for table, rows in said["rows"].items()
    )
    yield f"{model} {said['run']}: {said['verdict']}: {counts}; {of}"
    for finding in said["findings"][:FINDINGS_SAID]:
        yield f"  {finding}"
    rest = said["errors"] + said["warnings"] - FINDINGS_SAID
    if rest > 0:
        yield f"  and {rest} more, in the Data Docs"
    for what, hours in (("in quarantine", "quarantined"), ("left quarantine", "released")):
        if said[hours]:
            yield f"  {what:<16}{listed(said[hours], HOURS_SAID)}"
    yield f"  {'Data Docs':<16}{said['data_docs']}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _require_over(lake: Lake, day: datetime) -> None:
    """Refuse a day whose hours have not come yet: validation would put each of them aside."""
    name, now = f"{day:%Y-%m-%d}", datetime.now(tz=UTC)
    if day + DAY > now:
        raise HourNotClosed(
            f"{name} is not over: it is {now:%Y-%m-%dT%H:%M} UTC. Hours that have not come would "
            "go into quarantine; validate a day that has ended, or wait"
        )
    newest = max(filter(None, map(lake.newest_closed_hour, TABLES)), default=None)
    if newest is None or newest < day:
        found = f"its newest closed hour is {hour_key(newest)}" if newest else "it has none"
        raise HourNotClosed(
            f"{secret_free(lake.url)} has no closed hour of {name} or later: {found}. Land the "
            "day, or name one that has landed"
        )
    oldest = min(hour for table in TABLES for hour in lake.listed_hours(table))
    if day + DAY <= oldest:
        raise HourNotClosed(
            f"{secret_free(lake.url)} begins with {hour_key(oldest)}, so {name} has no hours. They "
            "would go into quarantine for good; name a day of the lake"
        )


def _left_out(
    defaults: dict[str, dict[str, Any]], suites: dict[str, dict[str, Any]]
) -> dict[str, list[str]]:
    """Return the facts of the default suites that these do not judge."""
    judged = {frame: _columns(suites.get(frame)) for frame in defaults}
    left = {frame: sorted(_columns(suite) - judged[frame]) for frame, suite in defaults.items()}
    return {frame: facts for frame, facts in left.items() if facts}


def _columns(suite: dict[str, Any] | None) -> set[str]:
    return {one["kwargs"]["column"] for one in suite["expectations"]} if suite else set()


def _text(said: dict[str, Any]) -> str:
    days = said["reference"]
    learnt = f"the days from {days[0]} to {days[1]}" if days else "defaults: the lake has no day"
    lines = [
        f"bounds from {learnt}; profile {said['profile'] or 'none'}",
        *(
            f"{one['expectations']:>4} expectations  {one['file']}"
            for one in said["suites"].values()
        ),
        *(
            f"left out of {frame}, whose log has no such thing: {', '.join(facts)}"
            for frame, facts in said["left_out"].items()
        ),
        "read them, edit them, commit them: they are yours from now on",
    ]
    return "\n".join(lines)
