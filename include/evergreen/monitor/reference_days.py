"""What the suites of a model are learnt from: its newest whole days, and who served them."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from evergreen.adapters.facts import day_facts
from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.profile import ReferenceProfile, without_model
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.known import known_of
from evergreen.monitor.measure import judged_version, profile_of

DAY = timedelta(days=1)
TABLES = ("impressions", "orders")
FRAMES = (*TABLES, "features")


def newest_days(lake: Lake, days: int) -> Window | None:
    """Return at most so many of the newest whole days of impressions; None where there is none."""
    newest = lake.newest_closed_hour("impressions")
    if newest is None:
        return None
    end = (newest + HOUR).replace(hour=0)
    window = Window(end - days * DAY, end)
    closed = lake.closed_hours("impressions", window)
    return Window(closed[0].replace(hour=0), end) if closed else None


def serving_profile(spec: ModelSpec, *, lake: Lake, ledger: Ledger) -> ReferenceProfile:
    """Return the profile of who serves the newest hour, or of the champion."""
    newest = lake.newest_closed_hour("impressions")
    if newest is None:
        return without_model("none")
    version = judged_version(spec, newest, lake=lake, ledger=ledger, replay=False)
    return profile_of(spec.model, version, ledger)


def facts_of_days(
    spec: ModelSpec, window: Window, *, lake: Lake, ledger: Ledger, published: Published
) -> dict[str, pl.DataFrame]:
    """Return the facts of each whole day of a window, one frame a suite.

    Hours in quarantine are no example to learn from: they count as not closed.
    """
    records = ledger.quarantine_records(spec.model, window)
    lake = lake.without({t: {r.hour for r in records if r.table == t} for t in TABLES})
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
        for frame in FRAMES:
            rows = getattr(facts, frame)
            if rows is not None:
                found.setdefault(frame, []).append(rows)
    return {frame: pl.concat(parts, how="diagonal_relaxed") for frame, parts in found.items()}
