"""How a method's answers are scored: false alarms a year, and hours from a change to the alarm.

A method answers with the hours at which it alarms. After an alarm it starts again and is silent for
24 hours; so no method can raise more than 8760 / 25 alarms a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from lorden import lorden_hours
from scipy.stats import chi2
from streams import Stream, Traffic

HOURS_A_YEAR = 8_760
SILENT_HOURS = 24
MIN_LEFT_SHARE = 0.25
"""With fewer paths left than this, a median would be of the odd ones only."""

Alarms = list[list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Streams that follow one reference.

    Parameters:
        at: hour of the change in each stream; empty where nothing changes.
    """

    reference: Stream
    streams: tuple[Stream, ...]
    at: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """Alarms while nothing changed, with the exact 95 % Poisson interval of their yearly rate."""

    count: int
    years: float

    @property
    def a_year(self) -> float:
        """Alarms a year."""
        return self.count / self.years

    @property
    def interval(self) -> tuple[float, float]:
        """Exact bounds of the rate.

        Example:
            >>> [round(bound, 3) for bound in FalseAlarms(count=3, years=1.0).interval]
            [0.619, 8.767]
        """
        low = chi2.ppf(0.025, 2 * self.count) / 2 if self.count else 0.0
        return float(low / self.years), float(chi2.ppf(0.975, 2 * self.count + 2) / 2 / self.years)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Hours from a change to the alarm, the hour of the change counted as the first.

    Parameters:
        discarded: paths with an alarm before the change; they say nothing about the delay.
        hours: of the other paths, inf where not found within the horizon.
    """

    discarded: int
    hours: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median, inf where less than half were found; NaN where too few paths are left."""
        left = len(self.hours) / max(len(self.hours) + self.discarded, 1)
        return float(np.median(self.hours)) if left >= MIN_LEFT_SHARE else float("nan")

    @property
    def found(self) -> float:
        """Share of the paths not discarded that were found in time."""
        return float(np.isfinite(self.hours).mean()) if self.hours else float("nan")


def spaced(alarms: Iterable[int], *, silent_hours: int = SILENT_HOURS) -> list[int]:
    """Return the alarms that are left when each one silences the hours after it.

    Example:
        >>> spaced([3, 4, 27, 28, 60])
        [3, 28, 60]
    """
    kept: list[int] = []
    for hour in sorted(alarms):
        if not kept or hour > kept[-1] + silent_hours:
            kept.append(int(hour))
    return kept


def delay(alarms: Alarms, at: Sequence[int], *, horizon: int) -> Delay:
    """Return how soon after `at` each stream's first alarm came.

    Example:
        >>> delay([[12], [5], []], [10, 10, 10], horizon=24)
        Delay(discarded=1, hours=(3.0, inf))
    """
    hours, discarded = [], 0
    for found, changed in zip(alarms, at, strict=True):
        first = min(found, default=float("inf"))
        if first < changed:
            discarded += 1
        else:
            waited = first - changed + 1
            hours.append(float(waited) if waited <= horizon else float("inf"))
    return Delay(discarded=discarded, hours=tuple(hours))


def bound(traffic: Traffic, drop: float, *, a_year: float) -> float:
    """Return Lorden's bound in hours at so many false alarms a year."""
    return lorden_hours(
        traffic.volume(),
        traffic.rates(),
        drop=drop,
        phi=traffic.phi,
        run_length_hours=HOURS_A_YEAR / a_year,
    )
