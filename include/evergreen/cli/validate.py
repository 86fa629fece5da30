"""`evergreen validate …`: the suites that a model's data must meet."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evergreen.adapters.installation import open_lake, open_ledger, open_published, spec_of
from evergreen.domain.windows import HOUR, Window, hour_key

if TYPE_CHECKING:
    import polars as pl

    from evergreen.adapters.lake import Lake
    from evergreen.config.model_spec import ModelSpec
    from evergreen.domain.profile import ReferenceProfile

app = typer.Typer(
    no_args_is_help=True,
    help="What a model's data must be like: its suites of expectations.",
)
Force = Annotated[bool, typer.Option("--force", help="Overwrite suites that are there.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DAY = timedelta(days=1)


@app.callback()
def _group() -> None:
    """Keep `init` a command of its own: typer drops the name of an only one."""


@app.command()
def init(
    model: Annotated[str, typer.Option(help="The model: a folder of include/models.")],
    days: Annotated[
        int, typer.Option(min=1, help="Learn the bounds from so many of the newest whole days.")
    ] = 14,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite suites that are there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a model's suites from its spec, its profile and its newest days; then they are yours.

    Choose days on which all was well: what they show is taken to be right.
    """
    from evergreen.adapters.quality_files import write_suites
    from evergreen.adapters.quality_suites import default_suites

    spec, lake = spec_of(model), open_lake(spec_of(model))
    profile = _profile(spec, lake)
    window = _newest_days(lake, days)
    reference = _facts(spec, lake, window) if window else None
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


def _profile(spec: ModelSpec, lake: Lake) -> ReferenceProfile:
    """Return the profile of who serves the newest hour, or of the champion."""
    from evergreen.domain.profile import without_model
    from evergreen.monitor.measure import judged_version, profile_of

    newest, ledger = lake.newest_closed_hour("impressions"), open_ledger()
    if newest is None:
        return without_model("none")
    version = judged_version(spec, newest, lake=lake, ledger=ledger, replay=False)
    return profile_of(spec.model, version, ledger)


def _newest_days(lake: Lake, days: int) -> Window | None:
    """Return the newest whole days of impressions; None where there is none."""
    newest = lake.newest_closed_hour("impressions")
    if newest is None:
        return None
    end = (newest + HOUR).replace(hour=0)
    window = Window(end - days * DAY, end)
    closed = lake.closed_hours("impressions", window)
    return Window(closed[0].replace(hour=0), end) if closed else None


def _facts(spec: ModelSpec, lake: Lake, window: Window) -> dict[str, pl.DataFrame]:
    import polars as pl

    from evergreen.adapters.facts import day_facts
    from evergreen.monitor.known import known_of

    ledger, published = open_ledger(), open_published(spec)
    found: dict[str, list[pl.DataFrame]] = {}
    for number in range(window.length // DAY):
        day = window.start + number * DAY
        known = known_of(
            spec,
            day,
            lake=lake,
            ledger=ledger,
            published=published,
            recompute_at=lambda _: None,  # skew has a bound of its own, whatever was seen
        )
        facts = day_facts(lake, spec, Window(day, day + DAY), known)
        for frame in ("impressions", "orders", "features"):
            rows = getattr(facts, frame)
            if rows is not None:
                found.setdefault(frame, []).append(rows)
    return {frame: pl.concat(parts, how="diagonal_relaxed") for frame, parts in found.items()}


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
