"""What a backtest found, in numbers: one row a policy, and all that a page needs to draw it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from evergreen.backtest.played import Played
from evergreen.backtest.timeline import Event, Kind
from evergreen.domain.windows import HOUR, Window, hour_key

DAY = timedelta(days=1)
DAILY, FROZEN = "daily", "frozen"
DIGITS = 6
TIMES = ("training_s", "training_minutes_per_1000_clicks_won", "took_s")
"""Keys that hold measured seconds: all others are the same in every run."""


def numbers_of(
    played: Mapping[str, Played], window: Window, *, change: datetime | None = None
) -> dict[str, Any]:
    """Return what was found of every policy.

    Parameters:
        played: by the policy's name.
        change: when the shop is known to have changed; alarms before it are false ones, and the
            first deployment after it ends the wait. None where nobody knows.
    """
    daily, frozen = played.get(DAILY), played.get(FROZEN)
    policies = {
        name: _policy(found, window, daily=daily, frozen=frozen, change=change)
        for name, found in played.items()
    }
    return {
        "from": hour_key(window.start),
        "to": hour_key(window.end),
        "hours": window.length // HOUR,
        "page_views": int(next(iter(played.values())).counts.page_views.sum()) if played else 0,
        "change": hour_key(change) if change else None,
        "policies": policies,
    }


def _policy(
    found: Played,
    window: Window,
    *,
    daily: Played | None,
    frozen: Played | None,
    change: datetime | None,
) -> dict[str, Any]:
    line, ctr, fresh = found.line, found.ctr, daily.ctr if daily else None
    watched = bool(line.decisions)
    alarms = [event.hour for event in line.events if event.kind is Kind.ALARM]
    return {
        "ctr": _rounded(ctr),
        "ctr_share_of_daily": _rounded(ctr / fresh if ctr is not None and fresh else None),
        "clicks": found.clicks,
        "impressions": found.impressions,
        "fallback_share": _rounded(
            float(found.counts.fallback.sum()) / found.impressions if found.impressions else None
        ),
        "retrains": line.count(Kind.RETRAIN),
        "promotions": line.count(Kind.DEPLOYED),
        "holds": line.count(Kind.HELD),
        "failures": line.count(Kind.FAILED),
        "rollbacks": line.count(Kind.ROLLED_BACK),
        "alarms": len(alarms) if watched else None,
        "false_alarms": sum(at < change for at in alarms) if watched and change else None,
        "hours_to_deployment": _wait(line.events, change) if change else None,
        "training_s": round(line.training_s, 1),
        "training_minutes_per_1000_clicks_won": _price(found, frozen),
        "days": _days(found, window),
        "events": [event.to_json() for event in line.events],
    }


def _wait(events: list[Event], change: datetime) -> int | None:
    """Return the hours from the change to the first deployment after it; None without one."""
    after = [e.hour for e in events if e.kind is Kind.DEPLOYED and e.hour >= change]
    return (min(after) - change) // HOUR if after else None


def _price(found: Played, frozen: Played | None) -> float | None:
    """Return minutes of training for 1,000 clicks more than the frozen champion got."""
    if frozen is None or frozen is found:
        return None
    won = found.clicks - frozen.clicks
    return round(found.line.training_s / 60 / (won / 1_000), 3) if won > 0 else None


def _days(found: Played, window: Window) -> list[dict[str, Any]]:
    """Return impressions and clicks of every day; the last one may be a part."""
    hours = window.length // HOUR
    first = (window.start - window.start.replace(hour=0)) // HOUR
    day = (np.arange(hours) + first) // 24
    sums = [
        np.bincount(day, weights=values, minlength=int(day[-1]) + 1).astype(int)
        for values in (found.counts.impressions, found.counts.clicks)
    ]
    begin = window.start.replace(hour=0)
    return [
        {"day": (begin + i * DAY).date().isoformat(), "impressions": int(n), "clicks": int(c)}
        for i, (n, c) in enumerate(zip(*sums, strict=True))
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def without_times(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report without measured seconds: what two runs must agree on."""
    return {
        name: {key: without_times(body) for key, body in value.items()}
        if name == "policies"
        else value
        for name, value in report.items()
        if name not in TIMES
    }
