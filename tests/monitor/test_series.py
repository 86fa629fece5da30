"""Many hours judged at once are judged as the hourly tasks judge them, hour for hour."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import datetime

import numpy as np
import polars as pl
from made_world import LONG_AGO, MODEL, World, hour_at, reference

from evergreen.adapters.engine import engine_of
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import Window
from evergreen.monitor.records import rounded
from evergreen.monitor.series import judge_ctr_hours, judge_drift_hours

FIRST, LAST = -24, 72
DROPPED, BROKEN, ASKED = 30, 50, 45


def land_stream(world: World) -> Window:
    """Land four days with closed nights, a CTR that drops, and a feature that breaks."""
    rng = np.random.default_rng(3)
    for hours in range(FIRST, LAST):
        hour = hour_at(hours)
        if hour.hour < 6:
            world.lake.land_hour("impressions", hour, None)
            continue
        rows = int(rng.integers(20, 200))
        clicks = int(rng.binomial(rows, 0.03 if hours >= DROPPED else 0.10))
        colour = pl.Series([None] * rows, dtype=pl.String) if hours >= BROKEN else None
        world.land(hour, rows=rows, clicks=clicks, **({} if colour is None else {"colour": colour}))
    return Window(hour_at(0), hour_at(LAST))


def test_the_series_equals_the_hourly_judgements(world: World) -> None:
    window = land_stream(world)
    asked = hour_at(ASKED)
    world.ledger.put_decision(MODEL, asked, action="request_retrain", body={}, replay=False)
    profile = ReferenceProfile.from_json(reference().to_json(), model_version="1")
    everything = Window(hour_at(FIRST), window.end)
    sketches = engine_of(world.spec, world.lake).sketches(everything, profile.bins, version="1")
    ctr = judge_ctr_hours(world.spec, window, profile, sketches, since=LONG_AGO, requested=[asked])
    drift = judge_drift_hours(world.spec, window, profile, sketches)
    seen: Counter[str] = Counter()
    for index, (hour, at_once) in enumerate(zip(window.hours(), ctr, strict=True)):
        hourly = world.judge(hour, replay=True)
        assert {"sensor": "ctr", **rounded(asdict(at_once))} == hourly["ctr"], hour
        check_drift(hour, rounded(asdict(drift.at(index))), hourly["drift"])
        assert drift.verdicts[index] == drift.at(index).verdict == hourly["drift"]["verdict"], hour
        seen.update([f"ctr {at_once.verdict}", f"drift {drift.verdicts[index]}"])
    verdicts = ("yes", "no", "not_enough_data")  # so the stream tells all of them apart
    assert set(seen) == {
        f"{sensor} {verdict}" for sensor in ("ctr", "drift") for verdict in verdicts
    }


def check_drift(hour: datetime, at_once: dict[str, object], hourly: dict[str, object]) -> None:
    columns = [
        {name: value for name, value in column.items() if value not in (None, "")}
        for column in at_once["columns"]  # type: ignore[attr-defined]
    ]
    assert columns == hourly["columns"], hour
    assert at_once["importance"] == hourly["importance"], hour
