"""The e-detector against its recursion said slowly, and the guarantee it rests on, exactly."""

from __future__ import annotations

import json
from itertools import product
from math import exp, inf, log

import numpy as np
import pytest
from scipy.stats import binom

from evergreen.domain.detector import GRID, Alarm, evidence, log_ratios


def alarm(drops: tuple[float, ...] = GRID, weights: tuple[float, ...] | None = None) -> Alarm:
    even = (1 / len(drops),) * len(drops)
    return Alarm(
        drops=drops, weights=weights or even, allowance=0.0, level=9.0, false_alarms_per_year=1.0
    )


def recursion(ratios: np.ndarray, weights: tuple[float, ...]) -> float:
    """Return the mixture statistic by R <- (1 + R) e^l, hour by hour."""
    state = [0.0] * len(weights)
    for hour in ratios.tolist():
        state = [(1 + r) * exp(ratio) for r, ratio in zip(state, hour, strict=True)]
    return sum(w * r for w, r in zip(weights, state, strict=True))


def test_ratios_are_those_of_the_binomial() -> None:
    c, n, p0 = np.array([40, 0, 90]), np.array([1_000, 500, 90]), np.array([0.04, 0.05, 0.3])
    found = log_ratios(c, n, p0, drops=GRID, dispersion=1.0)
    for k, drop in enumerate(GRID):
        scipy = binom.logpmf(c, n, (1 - drop) * p0) - binom.logpmf(c, n, p0)
        assert found[:, k] == pytest.approx(scipy)


def test_the_dispersion_divides() -> None:
    once = log_ratios([30], [1_000], [0.04], drops=GRID, dispersion=1.0)
    thrice = log_ratios([30], [1_000], [0.04], drops=GRID, dispersion=3.0)
    assert thrice == pytest.approx(once / 3)


def test_hours_at_their_borders() -> None:
    nobody, none, every = log_ratios(
        [0, 0, 100], [0, 100, 100], [0.1] * 3, drops=[0.5], dispersion=1.0
    )[:, 0]
    assert nobody == 0.0
    assert none == pytest.approx(100 * log(0.95 / 0.9))  # for a drop
    assert every == pytest.approx(100 * log(0.5))  # against one
    assert log_ratios([], [], [], drops=GRID, dispersion=1.0).shape == (0, 5)


@pytest.mark.parametrize("weights", [None, (0.1, 0.2, 0.3, 0.2, 0.2), (1.0, 0.0, 0.0, 0.0, 0.0)])
def test_as_the_recursion_says(weights: tuple[float, ...] | None) -> None:
    rng = np.random.default_rng(1)
    c = rng.binomial(2_000, 0.036, size=200)
    ratios = log_ratios(c, [2_000] * 200, [0.04] * 200, drops=GRID, dispersion=3.0)
    held = alarm(weights=weights)
    for hours in (1, 2, 50, 200):
        assert evidence(ratios[:hours], alarm=held).value == pytest.approx(
            log(recursion(ratios[:hours], held.weights))
        )


def test_one_hour_by_hand() -> None:
    found = evidence(np.log([[2.0, 8.0]]), alarm=alarm((0.1, 0.4)))
    assert found.value == pytest.approx(log(5))  # (2 + 8) / 2
    assert (found.drop, found.since) == (0.4, 0)


def test_no_hours() -> None:
    found = evidence(np.zeros((0, 5)), alarm=alarm())
    assert (found.value, found.since) == (-inf, None)


def test_evidence_beyond_any_number_is_still_one() -> None:
    assert evidence(np.full((3, 2), 5_000.0), alarm=alarm((0.1, 0.4))).value == pytest.approx(
        15_000, abs=1
    )
    assert evidence(np.full((3, 2), -5_000.0), alarm=alarm((0.1, 0.4))).value == pytest.approx(
        -5_000, abs=1
    )


def test_a_drop_is_dated_and_sized() -> None:
    hours, at = 72, 48
    p = np.full(hours, 0.04)
    p[at:] *= 0.75
    ratios = log_ratios(10_000 * p, [10_000] * hours, [0.04] * hours, drops=GRID, dispersion=1.0)
    found = evidence(ratios, alarm=alarm())
    assert (found.since, found.drop) == (at, 0.25)
    assert found.value > 100


def test_hours_without_impressions_change_nothing_but_the_count_of_starts() -> None:
    ratios = log_ratios([20, 20], [1_000, 1_000], [0.04] * 2, drops=GRID, dispersion=1.0)
    twice = np.insert(ratios, 1, 0.0, axis=0)
    held = alarm()
    plain, closed = evidence(ratios, alarm=held), evidence(twice, alarm=held)
    assert plain.value < closed.value < plain.value + log(2)


def mean_without_a_change(held: Alarm, dispersion: float) -> float:
    """Return E[R_3] of three hours of three impressions, over all outcomes."""
    n, p, mean = 3, 0.3, 0.0
    for clicks in product(range(n + 1), repeat=3):
        ratios = log_ratios(clicks, [n] * 3, [p] * 3, drops=held.drops, dispersion=dispersion)
        chance = float(np.prod(binom.pmf(clicks, n, p)))
        mean += chance * exp(evidence(ratios, alarm=held).value)
    return mean


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.7, 0.3)])
def test_without_a_change_its_mean_is_the_number_of_hours(weights: tuple[float, ...]) -> None:
    """E[R_t] = t is why log(run length) is a guarantee (Shin, Ramdas and Rinaldo 2023)."""
    held = alarm((0.2, 0.5), weights)
    assert mean_without_a_change(held, 1.0) == pytest.approx(3)
    # divided by a dispersion that is not there it is calmer still
    assert mean_without_a_change(held, 2.0) < 3


def test_through_json_and_back() -> None:
    held = alarm()
    assert Alarm.from_json(json.loads(json.dumps(held.to_json()))) == held
