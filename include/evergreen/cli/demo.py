"""`evergreen demo`: see a recommender go stale and get itself replaced."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from evergreen.config.settings import settings

OUT = Path("demo")


def demo(
    data: Annotated[
        Path | None,
        typer.Option(
            help="A sales log with the columns of UCI Online Retail: .parquet, .csv, .xlsx or a "
            "folder of days. Default: the built-in shop."
        ),
    ] = None,
    keep: Annotated[bool, typer.Option(help="Leave Airflow and MLflow running.")] = False,
    stop: Annotated[bool, typer.Option(help="End what an earlier --keep left running.")] = False,
    backfill_hours: Annotated[
        int, typer.Option(help="How much of the two weeks after is backfilled.", min=0, max=335)
    ] = 48,
    out: Annotated[Path, typer.Option(help="Where report.json and ctr.png go.")] = OUT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """See a recommender go stale and get itself replaced, by a real Airflow on this machine.

    State lies in a folder `demo` of EVERGREEN_HOME of its own, made anew each time.
    """
    from rich.console import Console

    from evergreen.demo.servers import start_mlflow, stop_servers

    home = settings().home / "demo"
    stop_servers(home)
    if stop:
        typer.echo("nothing of the demo is running any more")
        return
    console = Console(stderr=as_json, highlight=False)
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:4.0f} s[/]  {text}", soft_wrap=True)

    signal.signal(signal.SIGTERM, _exit)
    shutil.rmtree(home, ignore_errors=True)
    os.environ["EVERGREEN_HOME"] = str(home)
    settings.cache_clear()
    report, airflow = _tell(data, keep, backfill_hours, out, say)
    report.write(out / "report.json")
    report.show(console)
    console.print(f"picture: {out / 'ctr.png'}, numbers: {out / 'report.json'}")
    if keep:
        console.print(f"Airflow: {airflow.url}  user admin, password {airflow.password}")
        console.print(f"MLflow:  {start_mlflow(home)}")
        console.print("end both with: evergreen demo --stop")
    else:
        console.print("to open the Airflow UI afterwards: make demo ARGS=--keep")
    if as_json:
        typer.echo(json.dumps(asdict(report)))


def _tell(data: Path | None, keep: bool, backfill_hours: int, out: Path, say: Any) -> Any:
    from evergreen.demo.story import prepare, run_live
    from evergreen.domain.windows import Window
    from evergreen.orchestration.local_airflow import LocalAirflow

    shop = prepare(data, say)
    os.environ["EVERGREEN_MONITOR_SINCE"] = shop.plan.live.isoformat()
    env = {name: value for name, value in os.environ.items() if name.startswith("EVERGREEN_")}
    with LocalAirflow(settings().home / "airflow", env=env, say=say, keep=keep) as airflow:
        say("months go by")
        shop.open(Window(shop.plan.trained, shop.plan.live))
        return run_live(shop, airflow, backfill_hours, out / "ctr.png"), airflow


def _exit(*_: object) -> None:
    sys.exit(143)  # as a shell reports SIGTERM; the context managers end what they started
