"""Simulated traffic row by row, for the peers that count for themselves.

The same law as `streams`: the sketch of these rows is one more stream of the same world.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from stream_features import DECILES, HOURS_A_WEEK, FeatureLaw
from streams import USER, Change, World

MISSING = -1
"""Code of a category's missing value."""


def rows(
    world: World, hours: int, *, seed: int, change: Change | None = None
) -> dict[str, np.ndarray]:
    """Return the rows of so many hours from a Monday 00:00 UTC on, one array a column, [N].

    A number is float32, standard normal where no cycle or change moves it, NaN where missing; a
    category is the index of its level, or `MISSING`; `hour` counts from 0.
    """
    rng = np.random.default_rng([world.seed, 1, seed])
    volume = world.traffic.volume()[np.arange(hours) % HOURS_A_WEEK]
    hour = np.repeat(np.arange(hours), rng.poisson(volume / USER))
    columns = {"hour": np.repeat(hour, USER).astype(np.int32)}
    for law in world.features:
        before = law.by_hour()
        level = _draw(before, hour, rng)
        if change is not None and change.feature == law.name:
            changed = hour >= change.at
            later = law.gone() if change.psi is None else law.shifted(change.psi)
            level[changed] = _draw(later, hour[changed], rng)
        columns[law.name] = np.repeat(_values(law, level, rng), USER)
    return columns


def _draw(by_hour: np.ndarray, hour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a level for each user; the last is the missing."""
    sums = np.cumsum(by_hour, axis=1)
    at = hour % HOURS_A_WEEK
    u = rng.random(hour.size) * sums[at, -1]
    level = np.empty(hour.size, dtype=np.int64)
    for h in np.unique(at):
        mine = at == h
        level[mine] = np.searchsorted(sums[h], u[mine], side="right")
    return np.minimum(level, by_hour.shape[1] - 1)


def _values(law: FeatureLaw, level: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    missing = level == law.shares.size - 1
    if law.category:
        return np.where(missing, MISSING, level).astype(np.int16)
    share = (level + rng.random(level.size)) / DECILES
    return np.where(missing, np.nan, ndtri(np.where(missing, 0.5, share))).astype(np.float32)
