"""What every method is asked: years without a change, and paths with one.

Each year follows a reference of its own, so what is learnt wrongly from 28 days is in the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from decisions_scores import HOURS_A_YEAR, Batch
from stream_features import IMPORTANT, UNIMPORTANT
from streams import Change, Traffic, World

DROPS = (0.10, 0.15, 0.25, 0.40, 0.50)
PHIS = (3.0, 1.0)
CTR_HORIZON, DRIFT_HORIZON = 30 * 24, 7 * 24
"""Hours after the change within which it must be found."""
HEALTHY = {
    "200": Traffic(an_hour=200.0),
    "2000": Traffic(),
    "100000": Traffic(an_hour=100_000.0),
    "closed nights": Traffic(closed_nights=True),
}
SHIFTS = {
    "gone": (IMPORTANT, None),
    "shift important": (IMPORTANT, 0.25),
    "shift unimportant": (UNIMPORTANT, 0.25),
}
"""Feature and PSI of its shift; None: it goes missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is simulated.

    Parameters:
        years: without a change, for each traffic.
        paths: with a change, for each size of it, spread over `worlds` references.
        row_days: of rows without a change that NannyML reads; 0 leaves Evidently out too.
        row_hours: judged by Evidently, at most 24 times `row_days`.
    """

    years: int
    paths: int
    worlds: int
    row_days: int
    row_hours: int


@cache
def worlds_of(traffic: Traffic, count: int) -> tuple[World, ...]:
    """Return the worlds that paths with a change are drawn from."""
    return tuple(World(traffic, seed=1_000 + i) for i in range(count))


def healthy_batches(size: Size) -> dict[str, list[Batch]]:
    """Return the years without a change, without their features."""
    batches: dict[str, list[Batch]] = {}
    for name, traffic in HEALTHY.items():
        for seed in range(size.years):
            world = World(traffic, seed=seed)
            year = world.stream(HOURS_A_YEAR, seed=0, features=False)
            batch = Batch(reference=world.reference, streams=(year,))
            batches.setdefault(name, []).append(batch)
    return batches


def drop_key(drop: float, phi: float) -> str:
    """Return the name of the paths with this drop."""
    return f"drop {drop:.0%} phi {phi:.0f}"


def drop_batches(size: Size) -> dict[str, list[Batch]]:
    """Return the paths with a drop of CTR, at 2,000 impressions an hour, without features."""
    return {
        drop_key(drop, phi): [
            _paths(world, Change(at=0, drop=drop), size.paths // size.worlds, CTR_HORIZON)
            for world in worlds_of(Traffic(phi=phi), size.worlds)
        ]
        for phi in PHIS
        for drop in DROPS
    }


def shift_batches(name: str, size: Size, *, worlds: int | None = None) -> list[Batch]:
    """Return the paths in which a feature changes, at 2,000 an hour; of the first worlds only."""
    feature, psi = SHIFTS[name]
    change = Change(at=0, feature=feature, psi=psi)
    return [
        _paths(world, change, size.paths // size.worlds, DRIFT_HORIZON)
        for world in worlds_of(Traffic(), size.worlds)[:worlds]
    ]


def _paths(world: World, change: Change, paths: int, horizon: int) -> Batch:
    """Return streams that change after 1 to 14 healthy days."""
    ats = np.random.default_rng(world.seed).integers(24, 14 * 24, size=paths, endpoint=True)
    streams = tuple(
        world.stream(
            int(at) + horizon,
            seed=i,
            change=Change(at=int(at), drop=change.drop, feature=change.feature, psi=change.psi),
            features=change.feature is not None,
        )
        for i, at in enumerate(ats)
    )
    return Batch(reference=world.reference, streams=streams, at=tuple(map(int, ats)))
