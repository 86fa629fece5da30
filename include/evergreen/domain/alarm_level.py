"""The level at which CTR evidence alarms, so that the promised rate of false alarms holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, log

import numpy as np
from scipy.special import ndtri

from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.detector import GRID, Alarm, beyond_allowance
from evergreen.domain.promise import HOURS_A_YEAR
from evergreen.domain.windows import HOURS_A_WEEK

PATHS = 300
HORIZON_HOURS = HOURS_A_YEAR // 2
"""How long one profile is taken to be in use: half a year, well above any sensible model age."""
LEVELS = np.array([-5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.5, 5.0])
"""Levels that are simulated, relative to the theory's log(hours between false alarms). One above
it makes up for a baseline that is not known exactly."""
ALLOWANCES = (0.0, 1.0, 2.0, 3.0)
"""Standard errors of the baseline's rate to allow for, tried in turn: an error of the rate looks
like a lasting drop, and with many impressions no level alone hides it."""
MAX_ALLOWANCE = 0.45
"""Of the rate; a drop of a half must stay visible."""
RATIO_CAP = 50.0
"""One hour's log ratio at most: far above any level, and its exponential is still a number."""
STATE_CAP = 1e200


def drops_from(min_drop: float) -> tuple[float, ...]:
    """Return the drops to look for: the smallest that matters, and all of the grid above it.

    Example:
        >>> drops_from(0.2)
        (0.2, 0.25, 0.4, 0.5)
    """
    return (min_drop, *(drop for drop in GRID if drop > min_drop))


def calibrate(
    baseline: CtrBaseline, *, drops: Sequence[float], false_alarms_per_year: float, seed: int
) -> Alarm:
    """Return weights and level for this baseline.

    The level comes from simulated half years without any change, with this baseline's volumes,
    rhythm and dispersion, and with a true rate that differs from the estimated one by a draw of its
    standard error: a small reference must not promise more than it knows. The theory's level,
    log(hours between false alarms), holds for an exactly known baseline; the simulated one is
    lower, and so quicker, where the reference is large, and higher where it is small. Where no
    level keeps the promise, the baseline is lowered by an allowance for its own error.

    Parameters:
        drops: relative drops, increasing, 0 to 1.
        false_alarms_per_year: for the CTR sensor alone; more is quicker.
        seed: of the simulation.
    """
    run_length = HOURS_A_YEAR / false_alarms_per_year
    levels, wanted = log(run_length) + LEVELS, HORIZON_HOURS / run_length
    for errors in ALLOWANCES:
        allowance = min(errors * baseline.rate_error, MAX_ALLOWANCE)
        alarm = Alarm(
            drops=tuple(drops),
            weights=_weights(drops, allowance, baseline.rate_error, log(run_length)),
            allowance=allowance,
            level=inf,
            false_alarms_per_year=false_alarms_per_year,
        )
        alarms = _simulated_alarms(baseline, alarm, levels, seed)
        if alarms[-1] <= wanted:
            break
    return replace(alarm, level=_level_at(wanted, levels, alarms))


def _level_at(wanted: float, levels: np.ndarray, alarms: np.ndarray) -> float:
    """Return the level with the wanted mean number of alarms, log-linear between simulated ones."""
    counted = np.log(np.maximum(alarms, 1 / (2 * PATHS)))  # falls as levels rise
    return float(np.interp(-log(wanted), -counted, levels))


def _weights(
    drops: Sequence[float], allowance: float, rate_error: float, level: float
) -> tuple[float, ...]:
    """Return the mixture's weights: drops that the baseline's own error could imitate count less.

    With a true rate (1 - e)p0, the false alarm rate of drop d, looked for beyond an allowance a,
    grows by exp(2 (e - a) level / d'); its mean over e ~ N(0, s) is
    exp((2 s level / d')^2 / 2 - 2 a level / d'), and the weight is its inverse, at most 1.
    """
    beyond = np.asarray(beyond_allowance(drops, allowance))
    growth = (2 * rate_error * level / beyond) ** 2 / 2 - 2 * allowance * level / beyond
    penalty = -np.maximum(growth, 0.0)
    weights = np.exp(penalty - penalty.max())
    return tuple((weights / weights.sum()).tolist())


def _simulated_alarms(
    baseline: CtrBaseline, alarm: Alarm, levels: np.ndarray, seed: int
) -> np.ndarray:
    """Return the mean number of alarms of a path at each level, [L]; each alarm starts it anew.

    Clicks are drawn as dispersion times Poisson: the mean is n p, the variance dispersion n p.
    """
    rng = np.random.default_rng(seed)
    drop, phi = np.asarray(beyond_allowance(alarm.drops, alarm.allowance)), baseline.dispersion
    weights = np.asarray(alarm.weights)
    error = ndtri((np.arange(PATHS) + 0.5) / PATHS)  # every part of the normal law once
    truth = np.maximum(1 + baseline.rate_error * error, 0.0)
    limits = levels[:, None]
    state = np.zeros((levels.size, PATHS, drop.size))  # the statistic itself: levels are moderate
    alarms = np.zeros(levels.size)
    for hour in range(HORIZON_HOURS):
        n = baseline.volume[hour % HOURS_A_WEEK]
        if not n:
            continue
        rate = min(baseline.rate * baseline.shape[hour % HOURS_A_WEEK], 1 - 1e-9)
        p0 = rate * (1 - alarm.allowance)
        clicks = np.minimum(phi * rng.poisson(n * rate * truth / phi), n)[:, None]
        no_click = np.log1p(-(1 - drop) * p0) - np.log1p(-p0)
        ratio = (clicks * np.log1p(-drop) + (n - clicks) * no_click) / phi
        state = np.minimum((1 + state) * np.exp(np.minimum(ratio, RATIO_CAP)), STATE_CAP)
        over = np.log(np.maximum(state @ weights, 1e-300)) > limits
        alarms += over.sum(axis=1)
        state[over] = 0.0
    return alarms / PATHS
