"""The weekly rhythm of a rate: hour of day, weekday, hour of week, each only as far as proven."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evergreen.domain.windows import HOURS_A_WEEK

DAY_HOURS = 24
MIN_WEEKS = 2
"""Weeks of reference from which on weekdays and single hours of the week get effects of their own:
in one week a weekday cannot be told from that day's luck."""
OF_DAY = np.arange(HOURS_A_WEEK) % DAY_HOURS
OF_WEEKDAY = np.arange(HOURS_A_WEEK) // DAY_HOURS
OF_WEEK = np.arange(HOURS_A_WEEK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How a rate moves over the week, relative to its mean.

    Parameters:
        shape: factor of each hour of the week, [168], Monday 00:00 UTC first.
        error: variance of that factor which is left, [168].
        freedom: effective number of parameters that were estimated.
        dispersion: variance of the hours' clicks over the one of independent trials, at least 1.
    """

    shape: np.ndarray
    error: np.ndarray
    freedom: float
    dispersion: float


def fit_rhythm(hour_of_week: np.ndarray, clicks: np.ndarray, trials: np.ndarray) -> Rhythm:
    """Return the rhythm of a reference, shrunk where it is thin.

    Effects of hour of day, weekday and hour of week are taken one after the other, as ratios of
    observed to expected clicks. Each group of effects is shrunk towards 1 by empirical Bayes: by
    b = t2 / (t2 + se2), with the effects' own variance t2 from the method of moments (DerSimonian
    and Laird 1986). What is only noise disappears; what is proven stays.

    Parameters:
        hour_of_week: 0 to 167 of each hour, [H].
        clicks, trials: counts of each hour, [H]; hours without trials do not count.
    """
    seen = trials > 0
    week, clicks, trials = (
        hour_of_week[seen],
        clicks[seen].astype(float),
        trials[seen].astype(float),
    )
    flat = np.ones(HOURS_A_WEEK)
    if not clicks.sum() or clicks.sum() == trials.sum():
        return Rhythm(shape=flat, error=np.zeros(HOURS_A_WEEK), freedom=1.0, dispersion=1.0)
    rate = clicks.sum() / trials.sum()
    keys = [OF_DAY] if _weeks(week) < MIN_WEEKS else [OF_DAY, OF_WEEKDAY, OF_WEEK]
    rhythm = Rhythm(
        shape=flat,
        error=np.zeros(HOURS_A_WEEK),
        freedom=1.0,
        dispersion=_unshrunk_dispersion(keys[:2], week, clicks, trials * rate, rate),
    )
    for _ in range(2):  # the second time with the dispersion that the first shape leaves
        rhythm = _shrunk(keys, week, clicks, trials * rate, rate, rhythm.dispersion)
    return rhythm


def _weeks(week: np.ndarray) -> float:
    """Return how often an hour of the week was seen, in the mean over those that were seen."""
    return float(week.size / np.unique(week).size) if week.size else 0.0


def _unshrunk_dispersion(
    keys: list[np.ndarray], week: np.ndarray, clicks: np.ndarray, expected: np.ndarray, rate: float
) -> float:
    freedom = 1
    for key in keys:
        group = key[week]
        ratio = _sums(group, clicks) / np.maximum(_sums(group, expected), 1e-300)
        expected = expected * ratio[group]
        freedom += np.unique(group).size - 1
    return _dispersion(clicks, expected, rate, freedom)


def _shrunk(
    keys: list[np.ndarray],
    week: np.ndarray,
    clicks: np.ndarray,
    expected: np.ndarray,
    rate: float,
    dispersion: float,
) -> Rhythm:
    shape, error, freedom = np.ones(HOURS_A_WEEK), np.zeros(HOURS_A_WEEK), 1.0
    for key in keys:
        group = key[week]
        total = _sums(group, expected)
        known = total > 0
        ratio = np.divide(_sums(group, clicks), total, out=np.ones(HOURS_A_WEEK), where=known)
        noise = dispersion * (1 - rate) / np.where(known, total, np.inf)
        keep = _kept(ratio[known], noise[known], known)
        factor = 1 + keep * (ratio - 1)
        expected = expected * factor[group]
        shape = shape * factor[key]
        error = error + (keep * np.where(known, noise, 0))[key]
        freedom += float(np.sum(2 * keep[known] - keep[known] ** 2))
    left = _dispersion(clicks, expected, rate, freedom)
    return Rhythm(shape=shape, error=error, freedom=freedom, dispersion=left)


def _kept(ratio: np.ndarray, noise: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the share of each effect that is believed, 0 to 1; 0 where nothing is known."""
    keep = np.zeros(known.size)
    if ratio.size < 2:
        return keep
    weight = 1 / noise
    mean = float(weight @ ratio / weight.sum())
    excess = float(weight @ (ratio - mean) ** 2) - (ratio.size - 1)
    spread = max(excess, 0.0) / float(weight.sum() - weight @ weight / weight.sum())
    keep[known] = spread / (spread + noise)
    return keep


def _dispersion(clicks: np.ndarray, expected: np.ndarray, rate: float, freedom: float) -> float:
    left = clicks.size - freedom
    if left < 1:
        return 1.0
    positive = expected > 0
    residual = (clicks - expected)[positive] ** 2 / expected[positive] / (1 - rate)
    return max(1.0, float(residual.sum()) / left)


def _sums(group: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.bincount(group, weights=values, minlength=HOURS_A_WEEK)
