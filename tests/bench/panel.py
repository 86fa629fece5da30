"""How long the panel's data takes: many models with a month of hours each, on a SQLite ledger.

    python tests/bench/panel.py [--models 100] [--days 30] [--columns 16]

Measured is what one request of the page does on the server, from the first statement to the JSON;
Airflow's login, its rights and the way to the browser are not in it.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).parents[1]))
from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import load_spec, model_folders
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import HOUR
from evergreen.monitor.distribution import distribution
from evergreen.monitor.model_page import model_page
from evergreen.monitor.statuses import statuses
from made_models import (
    NEWEST,
    add_model,
    ctr_body,
    decide,
    drift_body,
    hour_body,
    profile,
    release,
    sketch_body,
)

REPEATS = 5
MEASUREMENT = "INSERT INTO measurements VALUES (?, ?, ?, ?, ?, 0, ?)"
SKETCH = "INSERT INTO sketches VALUES (?, ?, ?, 1, ?)"


def fill(path: Path, names: list[str], hours: int, columns: list[str]) -> None:
    """Write the rows by SQL: through the ledger's methods it would take an hour."""
    body = profile(columns)
    known = ReferenceProfile.from_json(body, model_version="1")
    digest = known.digest
    ctr, drift = json.dumps(ctr_body(0.1)), json.dumps(drift_body(list(known.columns)))
    sketch = json.dumps(sketch_body(known, 0.1, ()))
    now = datetime.now(tz=UTC)
    stamp = now.strftime("%Y-%m-%d %H:%M:%S.%f")
    moments = [NEWEST - HOUR * back for back in range(hours - 1, -1, -1)]
    keys = [(hour, hour.strftime("%Y-%m-%d %H:%M:%S.%f")) for hour in moments]
    with sqlite3.connect(path) as database:
        for name in names:
            rows = [
                (name, key, sensor, verdict, said, stamp)
                for hour, key in keys
                for sensor, verdict, said in (
                    ("ctr", "no", ctr),
                    ("drift", "no", drift),
                    ("hour_counts", "counted", json.dumps(hour_body(hour, 1, digest, 40))),
                )
            ]
            database.executemany(MEASUREMENT, rows)
            database.executemany(SKETCH, [(name, key, digest, sketch) for _, key in keys])


def seconds(work: Callable[[], Any]) -> tuple[float, float, int]:
    """Return the first time, the median of the later ones, and the length of the JSON."""
    times, size = [], 0
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        found = work()
        size = len(
            TypeAdapter(type(found) if not isinstance(found, list) else list).dump_json(found)
        )
        times.append(time.perf_counter() - start)
    return times[0], median(times[1:]), size


def main() -> None:
    """Print one line for each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--columns", type=int, default=16)
    said = parser.parse_args()
    names = [f"model_{i:04d}" for i in range(said.models)]
    columns = [f"feature_{i:02d}" for i in range(said.columns)]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ledger = Ledger(f"sqlite:///{home}/ledger.db")
        ledger.migrate()
        for name in names:
            add_model(home / "models", name)
            release(ledger, name, body=profile(columns))
            decide(ledger, name, "healthy", "ctr: as expected")
        fill(home / "ledger.db", names, 24 * said.days, columns)
        size = (home / "ledger.db").stat().st_size / 1e6
        print(f"{said.models} models, {said.days} days, {said.columns + 2} columns: {size:,.0f} MB")
        folders, now = model_folders(home / "models"), datetime.now(tz=UTC)
        spec = load_spec(folders[0])
        pages: dict[str, Callable[[], Any]] = {
            "overview": lambda: statuses(folders, ledger=ledger, now=now),
            "model, 7 days": lambda: model_page(spec, 7, ledger=ledger, now=now),
            "model, 30 days": lambda: model_page(spec, 30, ledger=ledger, now=now),
            "model, 90 days": lambda: model_page(spec, 90, ledger=ledger, now=now),
            "one column": lambda: distribution(spec, columns[0], NEWEST, ledger=ledger),
        }
        for name, work in pages.items():
            first, later, length = seconds(work)
            print(f"{name:<16} first {first:.3f} s, later {later:.3f} s, {length / 1e3:,.0f} kB")
        ledger.close()


if __name__ == "__main__":
    main()
