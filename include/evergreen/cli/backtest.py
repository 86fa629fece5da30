"""`evergreen backtest`: what would other ways of retraining have done to this shop?"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evergreen.adapters.installation import open_lake, open_ledger
from evergreen.config.settings import settings
from evergreen.domain.windows import Window, parse_hour

if TYPE_CHECKING:
    from evergreen.backtest.run import Plan
    from evergreen.backtest.source import Source
    from evergreen.config.model_spec import ModelSpec

EVER = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
POLICIES = "frozen,every_28d,every_7d,daily,triggered"
Model = Annotated[str, typer.Option(help="The model: a folder of include/models.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="First hour, UTC: 2011-02-01 or 2011-02-01T13. Default: the first that has a whole "
        "training window behind it.",
        show_default=False,
    ),
]
To = Annotated[
    str | None,
    typer.Option(help="End, not included. Default: where the orders end.", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Another value for a key of model.yaml: monitor.trigger.cooldown=48h. Repeat it for "
        "more keys.",
        show_default=False,
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="A sales log with the columns of UCI Online Retail. Default: the imported one, else "
        "the orders of the model's lake.",
        show_default=False,
    ),
]
Builtin = Annotated[bool, typer.Option("--builtin", help="Replay the built-in shop.")]
Jobs = Annotated[
    int | None,
    typer.Option(help="Processes; each needs up to 1.5 GB. Default: a core each.", min=1, max=64),
]
Seed = Annotated[
    int | None, typer.Option(help="Of sampling, boosting and the gate. Default: the spec's.")
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Forget what earlier backtests of this model kept.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def backtest(
    model: Model,
    start: From = None,
    to: To = None,
    policies: Annotated[
        str,
        typer.Option(
            help="frozen, daily, weekly, monthly, every_<days>d, each schedule also with _gated "
            "behind it, and triggered; with commas."
        ),
    ] = POLICIES,
    assignments: Set = None,
    data: Data = None,
    builtin: Builtin = False,
    change: Annotated[
        str | None,
        typer.Option(
            help="When the shop is known to have changed: alarms before it are false ones. The "
            "built-in shop's is known.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where backtest.json and backtest.png go. Default: a folder of their own below "
            "EVERGREEN_HOME/backtests.",
            show_default=False,
        ),
    ] = None,
    off_policy: Annotated[
        Path | None,
        typer.Option(
            help="Of a log of impressions alone: the policy whose CTR is estimated, a file as "
            "`evergreen off-policy --policy` reads it. Default: the log's own.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = None,
    seed: Seed = None,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Replay a history of orders under several policies of retraining, and compare them.

    Each policy has its own champion: what it recommends is shown, and the real basket clicks. The
    sensors, the trigger and the gate are the DAGs' own. Nothing is requested, deployed or told.
    What was trained is kept, so a backtest that was ended goes on where it stopped.
    """
    from evergreen.backtest.picture import draw
    from evergreen.backtest.policies import parse_policies
    from evergreen.backtest.report import report_of, result_id

    if data is not None and builtin:
        raise typer.BadParameter("give --data or --builtin, not both")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen, began = parse_policies(policies), time.monotonic()
    spec = asked_spec(model, assignments, seed)
    if not spec.train.enabled:
        _sensors_only(spec, start, to, off_policy, as_json)
        return
    plan, source = make_plan(spec, start, to, data, builtin, jobs)
    plan = plan.with_policies(chosen)
    plan.check()
    if fresh:
        plan.cache.clear()
    report = report_of(
        plan,
        source,
        change=moment(change) if change else source.change,
        settings_changed=list(assignments or ()),
        quiet=as_json,
    )
    report["took_s"] = round(time.monotonic() - began, 1)
    folder = out or plan.cache.root.parent / result_id(plan)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / "backtest.json", json.dumps(report, indent=1) + "\n")
    draw(report, folder / "backtest.png")
    if as_json:
        typer.echo(json.dumps(report))
        return
    print_table(report)
    typer.echo(f"picture: {folder / 'backtest.png'}, numbers: {folder / 'backtest.json'}")


def asked_spec(model: str, assignments: list[str] | None, seed: int | None) -> ModelSpec:
    """Return the model's spec with what `--set` and `--seed` say."""
    from evergreen.backtest.overrides import with_overrides
    from evergreen.config.model_spec import read_raw

    asked = list(assignments or ())
    if seed is not None:
        asked += [f"train.seed={seed}", f"gate.seed={seed}"]
    return with_overrides(read_raw(settings().models_dir / model), asked)


def make_plan(
    spec: ModelSpec,
    start: str | None,
    to: str | None,
    data: Path | None,
    builtin: bool,
    jobs: int | None,
) -> tuple[Plan, Source]:
    """Return what is asked for, without policies, and the orders that it replays."""
    from evergreen.backtest.cache import Cache
    from evergreen.backtest.history import History
    from evergreen.backtest.run import Plan, earliest
    from evergreen.backtest.source import source_of

    here = settings()
    source = source_of(spec, data=data, builtin=builtin, home=here.home, lake=open_lake(spec))
    history = History.of(source.orders)
    window = Window(
        moment(start) if start else earliest(history, spec),
        moment(to) if to else history.window.end,
    )
    plan = Plan(
        history=history,
        spec=spec,
        policies=(),
        window=window,
        cache=Cache(here.home / "backtests" / spec.model / "cache"),
        models_dir=here.models_dir,
        jobs=jobs or os.cpu_count() or 1,
    )
    return plan, source


def _sensors_only(
    spec: ModelSpec, start: str | None, to: str | None, policy: Path | None, as_json: bool
) -> None:
    from evergreen.adapters.ledger_schema import to_json
    from evergreen.backtest.sensors_only import sensors_only
    from evergreen.monitor.left_out import counted_lake

    lake = counted_lake(spec.model, EVER, lake=open_lake(spec), ledger=open_ledger())
    said = sensors_only(
        spec,
        lake=lake,
        start=moment(start) if start else None,
        end=moment(to) if to else None,
        policy=policy,
    )
    if as_json:
        typer.echo(to_json(said))
        return
    typer.echo(
        f"{said['model']} is trained elsewhere: its sensors were replayed over {said['hours']} "
        f"hours, held against {said['reference']}."
    )
    typer.echo(f"{len(said['alarms'])} alarms, {len(said['requests'])} requests for a retraining")
    for alarm in said["alarms"]:
        typer.echo(f"  {alarm['hour']}  {'; '.join(alarm['reasons'])}")
    estimate = said["off_policy"]
    typer.echo(estimate.get("refused") or estimate["text"])
    typer.echo("What cannot be known from such a log:")
    for line in said["cannot_be_known"]:
        typer.echo(f"  {line}")


def moment(text: str) -> datetime:
    """Return the hour that `2011-02-01` or `2011-02-01T13` names.

    Raises:
        WindowInvalid: it is spelt otherwise.
    """
    return parse_hour(text if "T" in text else f"{text}T00")


def write_atomic(path: Path, text: str) -> None:
    """Write a file so that no reader ever sees a part of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def print_table(report: dict[str, Any]) -> None:
    """Print the table, and the curve of clicks against retrainings."""
    from rich.console import Console
    from rich.table import Table

    from evergreen.backtest.table import HEADS, columns, rows

    kept = columns(report)
    table = Table()
    for at in kept:
        table.add_column(HEADS[at], justify="right" if at else "left")
    for row in rows(report):
        table.add_row(*(row[at] for at in kept))
    Console(width=None if typer.get_text_stream("stdout").isatty() else 200).print(table)
