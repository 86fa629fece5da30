"""Backtests as `evergreen backtest` leaves them: its own summary of made counts and events."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from evergreen.backtest.played import Played
from evergreen.backtest.serving import HourCounts
from evergreen.backtest.summary import numbers_of
from evergreen.backtest.timeline import Event, Kind, Timeline
from evergreen.domain.windows import Window

START = datetime(2011, 3, 1, tzinfo=UTC)
DAYS = 14
WINDOW = Window(START, START + timedelta(days=DAYS))
EVIL = "<img src=x onerror=alert(1)>"
"""A setting, a source and a reason that must be shown as they are."""


def report(model: str, **changes: Any) -> dict[str, Any]:
    """Return 14 days of 3 policies: 100 impressions an hour; 10, 12 and 11 clicks."""
    when = START + timedelta(days=5)
    story = [
        Event(hour=when, kind=Kind.ALARM, reasons=(EVIL,)),
        Event(hour=when, kind=Kind.RETRAIN, version=2),
        Event(hour=when + timedelta(hours=1), kind=Kind.DEPLOYED, version=2),
        Event(hour=when + timedelta(days=3), kind=Kind.HELD, version=3, reasons=("HOLD",)),
    ]
    each_day = [
        Event(hour=START + timedelta(days=day), kind=kind, version=day + 1)
        for day in range(1, DAYS)
        for kind in (Kind.RETRAIN, Kind.DEPLOYED)
    ]
    played = {
        "frozen": _played(10, Timeline()),
        "daily": _played(12, Timeline(events=each_day)),
        "triggered": _played(11, Timeline(events=story, decisions=[(START, "healthy", ())])),
    }
    return {
        "model": model,
        "id": "",
        "data": "orders.parquet",
        "set": [],
        "seed": 7,
        **numbers_of(played, WINDOW),
        "left_out": ["a person's approval"],
        "took_s": 1.0,
        **changes,
    }


def _played(clicks: int, line: Timeline) -> Played:
    hours = 24 * DAYS
    counts = HourCounts(
        page_views=np.full(hours, 20),
        impressions=np.full(hours, 100),
        clicks=np.full(hours, clicks),
        fallback=np.zeros(hours),
    )
    return Played(line=line, counts=counts)


def leave(home: Path, model: str, run: str, body: Any, *, age_s: int = 0) -> Path:
    """Write a run's file, `age_s` seconds ago; a text goes in as it is."""
    path = home / "backtests" / model / run / "backtest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body))
    written = 1_700_000_000 - age_s
    os.utime(path, (written, written))
    return path
