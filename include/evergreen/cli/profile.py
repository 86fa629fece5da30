"""`evergreen profile …`: what is expected of a model version, and where that comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.domain.errors import VersionUnknown
from evergreen.domain.windows import Window, parse_hour

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger
    from evergreen.config.model_spec import ModelSpec
    from evergreen.domain.profile import ColumnProfile, ReferenceProfile

app = typer.Typer(
    no_args_is_help=True,
    help="Reference profiles: what the sensors expect of a model version.",
)
Model = Annotated[str, typer.Option(help="The model: a folder of include/models.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BARS = "▁▂▃▄▅▆▇█"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@app.command()
def show(
    model: Model,
    version: Annotated[
        str | None,
        typer.Option(help="As impressions name it. Default: the champion, else who serves."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the CTR level and rhythm, the alarm level, and every column's bins and weight."""
    from evergreen.monitor.hand_made import origin_of
    from evergreen.monitor.measure import profile_of

    spec, ledger = spec_of(model), open_ledger()
    wanted = version or _serving(spec, ledger)
    origin = origin_of(model, wanted, ledger)
    if origin is None:
        raise VersionUnknown(
            f"{model} version {wanted} has no reference profile; make one: `evergreen profile make "
            f"--model {model} --version {wanted} --from HOUR --to HOUR`"
        )
    profile = profile_of(model, wanted, ledger)
    if as_json:
        typer.echo(json.dumps(_body(model, profile, origin)))
        return
    typer.echo(f"{model} version {wanted}: profile {profile.digest}, {origin}")
    _print_ctr(profile)
    _print_columns(profile)


@app.command()
def make(
    model: Model,
    version: Annotated[str, typer.Option(help="As impressions name it in model_version.")],
    start: Annotated[str, typer.Option("--from", help="First hour, 2011-05-02T00 (UTC).")],
    end: Annotated[str, typer.Option("--to", help="The hour after the last, 2011-05-30T00.")],
    as_json: Json = False,
) -> None:
    """Make a version's profile from its own impressions, and judge it by that from now on.

    For models that are trained elsewhere: a retraining makes the profile of its version by itself.
    All features weigh alike. Choose weeks in which all was well: at least three days, better four
    whole weeks. It ends the open incident of a model that is trained elsewhere: the next alarm is
    told in a thread of its own.
    """
    from evergreen.monitor.hand_made import make_by_hand

    spec, ledger = spec_of(model), open_ledger()
    window = Window(parse_hour(start), parse_hour(end))
    made = make_by_hand(spec, version, window, lake=open_lake(spec), ledger=ledger)
    if not spec.train.enabled:
        ledger.close_incident(spec.model, outcome=f"judged by a new profile of version {version}")
    if as_json:
        typer.echo(
            json.dumps(
                {
                    **_body(model, made.profile, "made by hand"),
                    "hours": made.hours,
                    "closed_hours": made.closed_hours,
                    "quarantined_hours": made.quarantined_hours,
                    "replaced": made.replaced,
                }
            )
        )
        return
    typer.echo(f"{model} version {version}: profile {made.profile.digest} is in force")
    typer.echo(f"it replaces the one {made.replaced}" if made.replaced else "it is the first one")
    if made.quarantined_hours:
        typer.secho(
            f"{made.quarantined_hours} of {made.hours} hours are in quarantine and are not in it "
            f"(`evergreen quarantine list --model {model}`); when they are out, make it again",
            fg="yellow",
        )
    open_hours = made.hours - made.closed_hours - made.quarantined_hours
    if open_hours:
        typer.secho(
            f"{open_hours} of {made.hours} hours are not closed and are not in it; if they are "
            f"landed later, make it again",
            fg="yellow",
        )
    _print_ctr(made.profile)


def _serving(spec: ModelSpec, ledger: Ledger) -> str:
    from evergreen.monitor.measure import judged_version

    lake = open_lake(spec)
    newest = lake.newest_closed_hour("impressions")
    champion = ledger.champion(spec.model)
    if champion is not None:
        return str(champion.version)
    if newest is None:
        raise VersionUnknown(f"{spec.model} has no champion and no closed hour; name a --version")
    return judged_version(spec, newest, lake=lake, ledger=ledger, replay=True)


def _body(model: str, profile: ReferenceProfile, origin: str) -> dict[str, Any]:
    body = profile.to_json()
    for name, column in profile.columns.items():
        body["columns"][name]["labels"] = list(column.bins.labels)
        body["columns"][name]["shares"] = _shares(column)
    return {
        "model": model,
        "version": profile.model_version,
        "digest": profile.digest,
        "origin": origin,
        **body,
    }


def _print_ctr(profile: ReferenceProfile) -> None:
    ctr, alarm = profile.ctr, profile.alarm
    typer.echo(f"  reference      {profile.reference}")
    if ctr is None:
        typer.echo("  CTR            not known: no clicks in the reference")
        return
    typer.echo(
        f"  CTR            {ctr.rate:.3%} ± {ctr.rate_error:.1%} of itself, from "
        f"{ctr.impressions:,} mature impressions in {ctr.hours:,} hours"
    )
    typer.echo(f"  dispersion     {ctr.dispersion:.2f} times the binomial variance")
    if alarm is not None:
        drops = ", ".join(f"{drop:.0%}" for drop in alarm.drops)
        typer.echo(
            f"  alarm          above {alarm.level:.2f}: {alarm.false_alarms_per_year:g} false "
            f"alarms a year; looks for drops of {drops}"
        )
        if alarm.allowance:
            typer.echo(
                f"  allowance      the baseline counts {alarm.allowance:.1%} lower: the reference "
                f"knows its rate too badly for small drops; make a longer one to find them"
            )
    low, high = min(ctr.shape), max(ctr.shape)
    if low == high:
        typer.echo("  hour of week   all alike: no rhythm is proven")
        return
    typer.echo(f"  hour of week   {low:.2f} to {high:.2f} of the mean, from 00 to 23 UTC")
    for day, name in enumerate(DAYS):
        typer.echo(
            f"            {name}  {sparkline(ctr.shape[24 * day : 24 * day + 24], low, high)}"
        )


def sparkline(values: tuple[float, ...], low: float, high: float) -> str:
    """Return one bar for each value, from the lowest at `low` to the highest at `high`.

    Example:
        >>> sparkline((1.0, 1.5, 2.0), 1.0, 2.0)
        '▁▄█'
    """
    top, span = len(BARS) - 1, max(high - low, 1e-9)
    return "".join(BARS[int(top * min(max((v - low) / span, 0.0), 1.0))] for v in values)


def _print_columns(profile: ReferenceProfile) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(caption="design effect: so many rows tell as much as one independent row")
    for head in ("column", "importance", "rows", "effect 24h (days)", "effect 1h (hours)"):
        table.add_column(head, justify="left" if head == "column" else "right")
    table.add_column("bins and their shares")
    ranked = sorted(profile.columns.items(), key=lambda item: (-item[1].importance, item[0]))
    for name, column in ranked:
        table.add_row(
            name,
            f"{column.importance:.3f}",
            f"{sum(column.counts):,}",
            f"{column.day.design_effect:.2f} ({column.day.blocks})",
            f"{column.hour.design_effect:.2f} ({column.hour.blocks})",
            ", ".join(
                f"{label} {share:.1%}"
                for label, share in zip(column.bins.labels, _shares(column), strict=True)
            ),
        )
    Console(width=None if typer.get_text_stream("stdout").isatty() else 160).print(table)


def _shares(column: ColumnProfile) -> list[float]:
    total = max(sum(column.counts), 1)
    return [round(count / total, 6) for count in column.counts]
