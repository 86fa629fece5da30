"""The numbers of a backtest, worked out by hand; the table and the curve that they make."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergreen.backtest.lists import Trained
from evergreen.backtest.picture import draw
from evergreen.backtest.played import Played
from evergreen.backtest.progress import Progress
from evergreen.backtest.serving import HourCounts
from evergreen.backtest.summary import numbers_of, without_times
from evergreen.backtest.table import at_retrains, columns, curve, markdown
from evergreen.backtest.timeline import Event, Kind, Timeline
from evergreen.domain.windows import HOUR, Window
from evergreen.storefront.shop import START

DAY = timedelta(days=1)
WINDOW = Window(START, START + 4 * DAY)


def made(folder: Path, clicks: int, *, events: tuple[Event, ...] = (), watched: bool) -> Played:
    """A policy with ten impressions in every hour and so many clicks in each."""
    hours = WINDOW.length // HOUR
    ten = np.full(hours, 10)
    trained = []
    for event in events:
        if event.kind is Kind.RETRAIN:
            place = folder / f"{len(list(folder.iterdir()))}"
            place.mkdir()
            (place / "said.json").write_text(json.dumps({"training_s": 60.0}))
            trained.append(Trained(place))
    line = Timeline(events=list(events), trained=trained)
    if watched:
        line.decisions.append((START, "healthy", ()))
    counts = HourCounts(
        page_views=ten // 5, impressions=ten, clicks=np.full(hours, clicks), fallback=ten // 10
    )
    return Played(line=line, counts=counts)


@pytest.fixture
def report(tmp_path: Path) -> dict[str, Any]:
    def at(hours: int, kind: Kind, version: int | None = None) -> Event:
        return Event(hour=START + hours * HOUR, kind=kind, version=version, reasons=("why",))

    daily = [e for i in (24, 48, 72) for e in (at(i, Kind.RETRAIN), at(i, Kind.DEPLOYED))]
    told = (
        at(10, Kind.ALARM),
        at(11, Kind.RETRAIN, 2),
        at(11, Kind.HELD, 2),
        at(60, Kind.ALARM),
        at(61, Kind.RETRAIN, 3),
        at(61, Kind.DEPLOYED, 3),
    )
    played = {
        "frozen": made(tmp_path, 1, watched=False),
        "daily": made(tmp_path, 4, events=tuple(daily), watched=False),
        "triggered": made(tmp_path, 3, events=told, watched=True),
    }
    found = numbers_of(played, WINDOW, change=START + 50 * HOUR)
    return {"model": "m", "took_s": 1.0, **found}


def test_numbers(report: dict[str, Any]) -> None:
    assert (report["hours"], report["page_views"], report["change"]) == (96, 192, "2025-01-08T02")
    told = report["policies"]["triggered"]
    assert {name: told[name] for name in told if name not in ("days", "events")} == {
        "ctr": 0.3,
        "ctr_share_of_daily": 0.75,
        "clicks": 288,
        "impressions": 960,
        "fallback_share": 0.1,
        "retrains": 2,
        "promotions": 1,
        "holds": 1,
        "failures": 0,
        "rollbacks": 0,
        "alarms": 2,
        "false_alarms": 1,  # that of hour 10, before the change of hour 50
        "hours_to_deployment": 11,
        "training_s": 120.0,
        "training_minutes_per_1000_clicks_won": 10.417,  # 2 minutes for 288 - 96 clicks
    }
    assert told["days"][1] == {"day": "2025-01-07", "impressions": 240, "clicks": 72}
    assert told["events"][1] == {
        "hour": "2025-01-06T11",
        "kind": "retrain",
        "version": 2,
        "reasons": ["why"],
    }
    daily = report["policies"]["daily"]
    assert (daily["alarms"], daily["false_alarms"], daily["hours_to_deployment"]) == (
        None,
        None,
        22,
    )
    assert report["policies"]["frozen"]["training_minutes_per_1000_clicks_won"] is None


def test_measured_seconds_are_left_out_of_a_comparison(report: dict[str, Any]) -> None:
    kept = without_times(report)
    assert "took_s" not in kept
    assert "training_s" not in kept["policies"]["daily"]
    assert kept["policies"]["daily"]["clicks"] == 384
    assert "training_s" in report["policies"]["daily"]


def test_table_and_curve(report: dict[str, Any]) -> None:
    assert curve(report) == [(0, 0.1, "frozen"), (2, 0.3, "triggered"), (3, 0.4, "daily")]
    assert at_retrains(report, 2) == (0.1, "frozen")
    assert at_retrains(report, 3) == (0.4, "daily")
    lines = markdown(report).splitlines()
    assert lines[0].startswith("| policy | CTR | of daily | retrainings | deployed | held | alarms")
    assert lines[-1] == ("| triggered | 30.00% | 75.0% | 2 | 1 | 1 | 2 | 1 | 11 | 2.0 | 10.42 |")
    without = {**report, "policies": {"frozen": report["policies"]["frozen"]}}
    assert 6 not in columns(without)  # nobody has alarms: no such column


def test_the_picture_is_drawn(report: dict[str, Any], tmp_path: Path) -> None:
    draw(report, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_how_far_it_is() -> None:
    now = iter([0.0, 0.0, 30.0])
    told = Progress(10.0, quiet=True, clock=lambda: next(now))
    told.step("candidates", 5.0)
    assert told.line("candidates") == " 50% candidates, 30 s left"
