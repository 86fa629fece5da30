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
from evergreen.domain.profile import NumericBins, ReferenceProfile
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


def profile(ctr: float | None = CTR) -> dict[str, Any]:
    """Return what the gate puts into a release's evidence."""
    return ReferenceProfile(
        model_version="",
        ctr=ctr,
        fallback_share=0.0,
        impressions=1_000,
        columns={"score": NumericBins(edges=(0.25, 0.75), shares=(0.2, 0.5, 0.3, 0.0))},
    ).to_json()


@dataclass
class World:
    """What the monitor reads and writes."""

    spec: ModelSpec
    lake: Lake
    ledger: Ledger

    def release(self, version: int, *, as_of: datetime = LONG_AGO, ctr: float | None = CTR) -> None:
        """Make a version champion."""
        champion = self.ledger.champion(MODEL)
        self.ledger.release(
            MODEL,
            version,
            expected=champion.version if champion else None,
            kind="promotion",
            run_key=f"run-{version}",
            as_of=as_of,
            reason="better",
            evidence={"profile": profile(ctr)},
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
    ) -> None:
        """Close an hour with so many impressions; without `known` their labels are immature."""
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
        self.lake.land_hour(
            "impressions", hour, pl.DataFrame(full, schema=dict(IMPRESSIONS.required))
        )

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


def make_world(folder: Path, **monitor: Any) -> World:
    """Return a world without champion and without hours; its trailing window is six hours."""
    said = {"window": "6h", "min_impressions": 100, "trigger": {"cooldown": "4h"}, **monitor}
    spec = ModelSpec.model_validate(
        {"model": MODEL, "description": "", "owner": "team", "monitor": said}
    )
    ledger = Ledger(f"sqlite:///{folder}/ledger.db")
    ledger.migrate()
    return World(spec=spec, lake=Lake(f"{folder}/lake"), ledger=ledger)
