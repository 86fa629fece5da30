"""The CTR baseline: what a champion should earn in each hour of the week, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from evergreen.domain.hour_of_week import Rhythm, fit_rhythm
from evergreen.domain.windows import HOURS_A_WEEK, hours_of_week

DAY_LEVEL = 0.8
"""Days count as more dispersed than hours only when that is this sure (one-sided)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrBaseline:
    """The expected CTR.

    Parameters:
        rate: clicks / impressions over the reference, 0 to 1.
        shape: factor of the rate in each hour of the week, [168], Monday 00:00 UTC first.
        dispersion: variance of an hour's clicks over the binomial one, at least 1.
        rate_error: relative standard error of `rate`.
        volume: mean mature impressions in each hour of the week, [168].
        impressions, hours: size of the reference.
    """

    rate: float
    shape: tuple[float, ...]
    dispersion: float
    rate_error: float
    volume: tuple[float, ...]
    impressions: int
    hours: int

    def expected(self, hours: Sequence[datetime]) -> np.ndarray:
        """Return the expected CTR of each hour, [H], below 1."""
        at = np.asarray(hours_of_week(hours), dtype=np.int64)
        return np.minimum(self.rate * np.asarray(self.shape)[at], 1 - 1e-9)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> CtrBaseline:
        """Return the baseline that `to_json` wrote."""
        lists = {name: tuple(body[name]) for name in ("shape", "volume")}
        return cls(**{**body, **lists})


def fit_baseline(
    hours: Sequence[datetime],
    clicks: ArrayLike,
    impressions: ArrayLike,
    *,
    view_squares: ArrayLike = (0, 0, 0),
) -> CtrBaseline | None:
    """Return the baseline of a reference; None without clicks, as nothing can be expected then.

    The dispersion is the largest of three: by hour around the rhythm, by page view, and by day
    where days are surely more dispersed than their hours. Clicks of one page view and one user come
    together, and hours and days differ by more than chance.

    Parameters:
        hours: start of each hour, [H].
        clicks, impressions: mature counts, [H].
        view_squares: sums over page views of n², n·c, c², [3], as in `HourSketch`.
    """
    c, n = np.asarray(clicks, dtype=float), np.asarray(impressions, dtype=float)
    if not n.sum() or not c.sum() or c.sum() == n.sum():
        return None
    week = np.asarray(hours_of_week(hours), dtype=np.int64)
    rhythm = fit_rhythm(week, c, n)
    fitted = n * rhythm.shape[week]
    rate = float(c.sum() / fitted.sum())
    day = np.asarray([hour.toordinal() for hour in hours])
    by_day = _by_day(day, c - rate * fitted, rate * fitted)
    dispersion = max(
        rhythm.dispersion + _rhythm_error(rhythm, week, rate * fitted, rate),
        _by_page_view(np.asarray(view_squares, dtype=float), float(c.sum() / n.sum()), n.sum()),
        _proven(by_day, rate),
    )
    seen = n > 0
    hours_seen = np.bincount(week[seen], minlength=HOURS_A_WEEK)
    volume = np.bincount(week, weights=n, minlength=HOURS_A_WEEK) / np.maximum(hours_seen, 1)
    return CtrBaseline(
        rate=rate,
        shape=tuple(rhythm.shape.round(6).tolist()),
        dispersion=dispersion,
        rate_error=_rate_error(dispersion, by_day, float(c.sum()), rate),
        volume=tuple(volume.round(3).tolist()),
        impressions=int(n.sum()),
        hours=int(seen.sum()),
    )


def at_level(
    baseline: CtrBaseline, hours: Sequence[datetime], clicks: ArrayLike, impressions: ArrayLike
) -> CtrBaseline:
    """Return the baseline with the rate that these hours earned: shape and dispersion stay.

    The rate is sum(c) / sum(n shape), and its error comes from these hours, or from their days
    where that is larger.

    Parameters:
        hours: start of each hour, [H].
        clicks, impressions: mature counts, [H]; both have a sum above 0.
    """
    c, n = np.asarray(clicks, dtype=float), np.asarray(impressions, dtype=float)
    fitted = n * np.asarray(baseline.shape)[np.asarray(hours_of_week(hours), dtype=np.int64)]
    rate = float(c.sum() / fitted.sum())
    day = np.asarray([hour.toordinal() for hour in hours])
    by_day = _by_day(day, c - rate * fitted, rate * fitted)
    return replace(
        baseline,
        rate=rate,
        rate_error=_rate_error(baseline.dispersion, by_day, float(c.sum()), rate),
        impressions=int(n.sum()),
        hours=int((n > 0).sum()),
    )


def _rhythm_error(rhythm: Rhythm, week: np.ndarray, expected: np.ndarray, rate: float) -> float:
    """Return what the rhythm's own error adds to the dispersion of an hour, in the mean."""
    return float(np.average(expected * rhythm.error[week], weights=expected)) / (1 - rate)


def _by_page_view(squares: np.ndarray, rate: float, impressions: float) -> float:
    spread = squares[2] - 2 * rate * squares[1] + rate**2 * squares[0]
    return float(spread / (impressions * rate * (1 - rate)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """Residual and expected clicks of each day that has any, [D]."""

    residual: np.ndarray
    expected: np.ndarray

    @property
    def freedom(self) -> int:
        return self.residual.size - 1


def _by_day(day: np.ndarray, residual: np.ndarray, expected: np.ndarray) -> _Days:
    at = np.unique(day, return_inverse=True)[1].astype(np.int64)
    total = np.bincount(at, weights=expected)
    return _Days(residual=np.bincount(at, weights=residual)[total > 0], expected=total[total > 0])


def _proven(days: _Days, rate: float) -> float:
    """Return the lower confidence bound of the dispersion by day."""
    if days.freedom < 1:
        return 1.0
    total = float(np.sum(days.residual**2 / days.expected)) / (1 - rate)
    return total / float(chdtri(days.freedom, 1 - DAY_LEVEL))


def _rate_error(dispersion: float, days: _Days, clicks: float, rate: float) -> float:
    """Return the relative error of the rate: from hours, or from days where that is larger."""
    by_hour = sqrt(dispersion * (1 - rate) / clicks)
    if days.freedom < 1:
        return by_hour
    size = days.residual.size
    between = sqrt(float(days.residual @ days.residual) * size / days.freedom)
    return max(by_hour, between / float(days.expected.sum()))
