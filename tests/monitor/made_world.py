"""A small world to monitor: a lake of hand-made hours, a ledger, and releases with profiles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import IMPRESSIONS
from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.detector import GRID, Alarm
from evergreen.domain.profile import ColumnProfile, ReferenceProfile
from evergreen.domain.promise import ctr_alarms_per_year
from evergreen.domain.surprise import Spread
from evergreen.monitor.ctr import judge_ctr
from evergreen.monitor.decide import decide
from evergreen.monitor.drift import judge_drift
from evergreen.monitor.measure import measure_hour

MODEL = "also_bought"
NOON = datetime(2011, 5, 2, 12, tzinfo=UTC)
CTR = 0.10
LONG_AGO = NOON - timedelta(days=10)


def hour_at(hours: int) -> datetime:
    """Return the hour so many after noon, or before it."""
    return NOON + timedelta(hours=hours)


BY_CHANCE = Spread(scale=1.0, freedom=2.0, blocks=100, design_effect=1.0)
"""Rows of the made hours are independent: days and hours differ as chance has it."""
SCORES = [0.1] * 2 + [0.5] * 5 + [0.9] * 3
PRICES = [1.0] * 5 + [3.0] * 5
COLOURS = ["red"] * 6 + ["blue"] * 4
ALARM_LEVEL = 9.0


def baseline(rate: float = CTR) -> CtrBaseline:
    """Return what a champion without rhythm, known from 100,000 impressions, should earn."""
    return CtrBaseline(
        rate=rate,
        shape=(1.0,) * 168,
        dispersion=1.0,
        rate_error=0.01,
        volume=(200.0,) * 168,
        impressions=100_000,
        hours=500,
    )


def column(bins: Bins, counts: tuple[int, ...], importance: float) -> ColumnProfile:
    """Return what is expected of a column whose rows are independent."""
    return ColumnProfile(
        bins=bins, counts=counts, importance=importance, day=BY_CHANCE, hour=BY_CHANCE
    )


def reference(ctr: float | None = CTR) -> ReferenceProfile:
    """Return what the made hours look like; its version is given when it is released."""
    return ReferenceProfile(
        model_version="",
        ctr=baseline(ctr) if ctr else None,
        alarm=Alarm(
            drops=GRID,
            weights=(0.2,) * 5,
            allowance=0.0,
            level=ALARM_LEVEL,
            false_alarms_per_year=ctr_alarms_per_year(1.0),
        )
        if ctr
        else None,
        columns={
            "source": column(LevelBins(groups=(("model",), ("fallback",))), (9_900, 100, 0, 0), 1),
            "score": column(NumericBins(edges=(0.25, 0.75)), (2_000, 5_000, 3_000, 0), 1),
            "price": column(NumericBins(edges=(2.0,)), (5_000, 5_000, 0), 0.6),
            "colour": column(LevelBins(groups=(("red",), ("blue",))), (6_000, 4_000, 0, 0), 0.4),
        },
        reference="made",
    )


def profile(ctr: float | None = CTR) -> dict[str, Any]:
    """Return what the gate puts into a release's evidence."""
    return reference(ctr).to_json()


@dataclass
class World:
    """What the monitor reads and writes."""

    spec: ModelSpec
    lake: Lake
    ledger: Ledger

    def release(
        self,
        version: int,
        *,
        as_of: datetime = LONG_AGO,
        ctr: float | None = CTR,
        body: dict[str, Any] | None = None,
    ) -> None:
        """Make a version champion; `body` is its profile instead of the made one."""
        champion = self.ledger.champion(MODEL)
        self.ledger.release(
            MODEL,
            version,
            expected=champion.version if champion else None,
            kind="promotion",
            run_key=f"run-{version}",
            as_of=as_of,
            reason="better",
            evidence={"profile": body or profile(ctr)},
        )

    def land(
        self,
        hour: datetime,
        *,
        rows: int = 200,
        clicks: int = 20,
        fallback: int = 0,
        version: str = "1",
        known: bool = True,
        **columns: pl.Series | None,
    ) -> None:
        """Close an hour with so many impressions; without `known` their labels are immature.

        Scores, prices and colours are as in the reference; `columns` replaces some, None drops one.
        """
        body = {
            "event_time": [hour + timedelta(seconds=i) for i in range(rows)],
            "page_view_id": [f"{hour:%d%H}-{i // 5}" for i in range(rows)],
            "item_id": "i",
            "position": 1,
            "score": 0.5,
            "model_version": version,
            "clicked": [i < clicks if known else None for i in range(rows)],
            "source": ["fallback" if i < fallback else "model" for i in range(rows)],
        }
        full = {name: v if isinstance(v, list) else [v] * rows for name, v in body.items()}
        frame = pl.DataFrame(full, schema=dict(IMPRESSIONS.required)).with_columns(
            score=repeated(SCORES, rows, pl.Float32),
            price=repeated(PRICES, rows, pl.Float32),
            colour=repeated(COLOURS, rows, pl.String),
        )
        frame = frame.with_columns(**{n: c for n, c in columns.items() if c is not None})
        absent = [name for name, values in columns.items() if values is None]
        self.lake.land_hour("impressions", hour, frame.drop(absent))

    def measure(self, hour: datetime, *, replay: bool = False) -> dict[str, Any]:
        """Measure an hour."""
        return measure_hour(self.spec, hour, lake=self.lake, ledger=self.ledger, replay=replay)

    def judge(self, hour: datetime, *, replay: bool = False) -> dict[str, dict[str, Any]]:
        """Measure an hour, and return what both sensors say of it."""
        self.measure(hour, replay=replay)
        return {
            "ctr": judge_ctr(self.spec, hour, ledger=self.ledger, replay=replay),
            "drift": judge_drift(self.spec, hour, ledger=self.ledger, replay=replay),
        }

    def decide(self, hour: datetime, *, replay: bool = False) -> dict[str, Any]:
        """Run the whole hour, as the DAG does, and return the decision."""
        self.judge(hour, replay=replay)
        return decide(self.spec, hour, ledger=self.ledger, replay=replay)


def repeated(values: list[Any], rows: int, kind: Any = None) -> pl.Series:
    """Return the values over and over, for so many rows."""
    return pl.Series([values[i % len(values)] for i in range(rows)], dtype=kind)


def make_world(folder: Path, **monitor: Any) -> World:
    """Return a world without champion and without hours; its trailing window is six hours."""
    said = {"window": "6h", "min_impressions": 100, "trigger": {"cooldown": "4h"}, **monitor}
    spec = ModelSpec.model_validate(
        {
            "model": MODEL,
            "description": "",
            "owner": "team",
            "features": {"numeric": ["price"], "categorical": ["colour"]},
            "train": {"enabled": False},
            "monitor": said,
        }
    )
    ledger = Ledger(f"sqlite:///{folder}/ledger.db")
    ledger.migrate()
    return World(spec=spec, lake=Lake(f"{folder}/lake"), ledger=ledger)
