"""The demo, run as a user would and left running: one Airflow for all that looks at its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from evergreen.adapters.ledger import Ledger

MODEL = "also_bought"
BACKFILLED = 48


@dataclass(frozen=True)
class Told:
    """What a finished demo left behind, and the Airflow that it left running."""

    report: dict[str, Any]
    home: Path
    out: Path
    ledger: Ledger
    models: Path
    url: str
    password: str


def told_of(home: Path, models: Path, out: Path, report: dict[str, Any]) -> Told:
    """Return what the demo of this home has left behind and running."""
    return Told(
        report=report,
        home=home,
        out=out,
        ledger=Ledger(f"sqlite:///{home / 'ledger.db'}"),
        models=models,
        url=json.loads((home / "airflow" / "running.json").read_text())["url"],
        password=(home / "airflow" / "password").read_text(),
    )


def command(*more: str) -> list[str]:
    """Return what runs the demo."""
    return [sys.executable, "-m", "evergreen.cli", "demo", *more]


def stop(home: Path) -> str:
    """End what `--keep` left running; return what was said."""
    environment = {**os.environ, "EVERGREEN_HOME": str(home.parent)}
    done = subprocess.run(
        command("--stop"), env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def processes_of(home: Path) -> list[str]:
    """Return the command lines of processes whose environment names this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in process.environ().get("AIRFLOW_HOME", ""):
                found.append(" ".join(process.cmdline()))
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found
