"""What validation finds in many days at once: facts day by day, one run of the suites for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from damage import Damage
from damaged_lake import DamagedLake
from good_world import World, busiest_hour, day_window
from joint_suites import IS_DAY, joint_suites
from kinds_of_damage import DAMAGES

from evergreen.adapters.facts import DayFacts, day_facts
from evergreen.adapters.quality import validate
from evergreen.domain.quality import DAY_SCOPE, Finding
from evergreen.domain.windows import hour_key

MARK = "|"
"""Stands between what was judged and the scope: `price NaN|2011-04-18T13`."""
FRAMES = ("impressions", "orders", "features")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What was found, by a damage's name or by world and day.

    Parameters:
        findings: of every day that was judged.
        hours: the damaged hour of every damage.
        facts: what was judged, all days in one frame each.
    """

    findings: Mapping[str, list[Finding]]
    hours: Mapping[str, str]
    facts: Mapping[str, pl.DataFrame]


def judge(worlds: Mapping[str, World], folder: Path) -> Judged:
    """Judge every good day of the worlds, and in the first one every damage of its model.

    Great Expectations takes seconds a run, so one run judges all days.
    """
    first = next(iter(worlds.values()))
    days = {
        f"{name} {day:%Y-%m-%d}": day_facts(world.lake, world.spec, day_window(day), world.known)
        for name, world in worlds.items()
        for day in world.good
    }
    references = list(days.values())
    hours = {}
    for number, damage in enumerate(d for d in DAMAGES if d.model == first.spec.model):
        lake = damaged(first, damage, folder / str(number))
        hours[damage.name] = hour_key(lake.hour)
        days[damage.name] = day_facts(lake.lake, first.spec, day_window(lake.day), first.known)
    frames = {frame: _joined(days, frame) for frame in FRAMES}
    with joint_suites(first, references, folder / "suites"):
        found = validate(
            frames,
            first.spec.model,
            name="damage",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            docs=folder / "docs",
        )
    findings: dict[str, list[Finding]] = {key: [] for key in days}
    for finding in found:
        key, _, scope = finding.scope.rpartition(MARK)
        findings[key].append(replace(finding, scope=scope))
    return Judged(findings=findings, hours=hours, facts=frames)


def damaged(world: World, damage: Damage, folder: Path) -> DamagedLake:
    """Return the world's lake with one damage."""
    day = world.usual if damage.day == "usual" else world.day
    hour = busiest_hour(world.lake, day)
    lake = DamagedLake(world.root, folder, world.spec, day=day, hour=hour)
    damage.plant(lake)
    return lake


def _joined(days: Mapping[str, DayFacts], frame: str) -> pl.DataFrame:
    """Return the frames of all days as one, whose scopes name the day too."""
    parts = [
        facts.with_columns(
            pl.format(f"{{}}{MARK}{{}}", pl.lit(key), "scope").alias("scope"),
            (pl.col("scope") == DAY_SCOPE).alias(IS_DAY),
        )
        for key, each in days.items()
        if (facts := getattr(each, frame)) is not None
    ]
    return pl.concat(parts, how="vertical_relaxed") if parts else pl.DataFrame()
