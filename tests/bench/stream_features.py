"""The features of simulated traffic: twenty numbers, ten categories, and how they can change.

A feature is known by the shares of its levels (a number's deciles, a category's values), then of
the missing. A third of them follow the daily and the weekly cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

HOURS_A_WEEK = 168
CYCLE = 0.15
"""Amplitude of every daily and weekly cycle, as a share."""
DECILES = 10
LEVELS = (2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000)
MISSING_SHARES = (0.0, 0.01, 0.05)
"""Taken in turn by the features: some never miss a value."""
IMPORTANT, UNIMPORTANT = "number_00", "number_01"
IMPORTANT_SHARE = 0.20


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLaw:
    """What one feature's values are drawn from.

    Parameters:
        shares: of each level, then of the missing, [L + 1]; sums to 1.
        category: its levels are values of their own; otherwise deciles of a number.
        cyclic: the shares of the levels follow the day and the week.
        importance: share of the model's gain, 0 to 1.
        phase: of its cycles, in radians.
    """

    name: str
    shares: np.ndarray
    category: bool
    cyclic: bool
    importance: float
    phase: float

    def by_hour(self) -> np.ndarray:
        """Return the shares at each hour of the week, [168, L + 1]."""
        by_hour = np.tile(self.shares, (HOURS_A_WEEK, 1))
        if not self.cyclic:
            return by_hour
        hour = np.arange(HOURS_A_WEEK)[:, None]
        slope = _slope(self.shares)
        day = 1 + CYCLE * slope * np.sin(2 * np.pi * hour / 24 + self.phase)
        week = 1 + CYCLE * slope * np.sin(2 * np.pi * hour / HOURS_A_WEEK + self.phase)
        return _reweighted(by_hour, day * week)

    def shifted(self, psi: float) -> np.ndarray:
        """Return `by_hour` with more of the high levels, at this distance from the week's mean."""
        by_hour = self.by_hour()

        def excess(strength: float) -> float:
            moved = _tilted(by_hour, strength).mean(axis=0)
            return population_stability(by_hour.mean(axis=0), moved) - psi

        return _tilted(by_hour, brentq(excess, 0.0, 10.0))

    def gone(self) -> np.ndarray:
        """Return shares of a feature that is always missing, [168, L + 1]."""
        by_hour = np.zeros((HOURS_A_WEEK, self.shares.size))
        by_hour[:, -1] = 1.0
        return by_hour


def population_stability(p: np.ndarray, q: np.ndarray) -> float:
    """Return PSI = sum (q - p) ln(q / p) over levels that both have.

    Example:
        >>> round(population_stability(np.array([0.5, 0.5]), np.array([0.4, 0.6])), 5)
        0.04055
    """
    both = (p > 0) & (q > 0)
    return float(((q - p)[both] * np.log(q[both] / p[both])).sum())


def _slope(shares: np.ndarray) -> np.ndarray:
    """-1 at the first level to 1 at the last; the missing keep their share."""
    return np.linspace(-1.0, 1.0, shares.size - 1)


def _tilted(by_hour: np.ndarray, strength: float) -> np.ndarray:
    return _reweighted(by_hour, np.exp(strength * _slope(by_hour[0])))


def _reweighted(by_hour: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Multiply the levels by weights, and let the missing keep their share."""
    levels = by_hour[:, :-1] * weights
    present = by_hour[:, :-1].sum(axis=1, keepdims=True)
    levels *= present / levels.sum(axis=1, keepdims=True)
    return np.hstack([levels, by_hour[:, -1:]])


def feature_laws() -> tuple[FeatureLaw, ...]:
    """Return the thirty features; one holds 20 % of the gain, one holds none of it.

    Both of those follow the cycles or not as their turn has it; the rest of the gain is even.
    """
    numbers = [(f"number_{i:02d}", np.full(DECILES, 1.0)) for i in range(20)]
    categories = [(f"category_{n:04d}", 1.0 / np.arange(1, n + 1)) for n in LEVELS]
    rest = (1 - IMPORTANT_SHARE) / (len(numbers) + len(categories) - 2)
    laws = []
    for turn, (name, weights) in enumerate(numbers + categories):
        missing = MISSING_SHARES[(turn // 3) % 3]
        laws.append(
            FeatureLaw(
                name=name,
                shares=np.append(weights / weights.sum() * (1 - missing), missing),
                category=name.startswith("category"),
                cyclic=turn % 3 == 0,
                importance={IMPORTANT: IMPORTANT_SHARE, UNIMPORTANT: 0.0}.get(name, rest),
                phase=float(turn),
            )
        )
    return tuple(laws)
