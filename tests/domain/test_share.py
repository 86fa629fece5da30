"""Wilson's bound against scipy, and the design effect of clusters worked out by hand."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from scipy.stats import binomtest

from evergreen.domain.share import estimate_share, wilson_lower


@pytest.mark.parametrize(
    ("hits", "trials", "confidence"),
    [(20, 200, 0.975), (0, 50, 0.95), (50, 50, 0.95), (1, 2_000, 0.999), (7, 9, 0.9)],
)
def test_one_cluster_is_wilsons_interval(hits: int, trials: int, confidence: float) -> None:
    wilson = binomtest(hits, trials).proportion_ci(2 * confidence - 1, method="wilson")
    share = estimate_share([hits], [trials], confidence=confidence)
    assert share.value == hits / trials
    assert share.lower == pytest.approx(wilson.low, abs=1e-12)
    assert share.upper == pytest.approx(wilson.high, abs=1e-12)
    assert (share.successes, share.trials, share.clusters) == (hits, trials, 1)
    assert share.design_effect == 1.0


def test_the_design_effect_by_hand() -> None:
    # p = 0.2; residuals -10 and 10; variance 2/1 * 200 / 200^2 = 0.01; over 0.16/200: 12.5
    share = estimate_share([10, 30], [100, 100], confidence=0.975)
    assert share.value == 0.2
    assert share.design_effect == pytest.approx(12.5)
    wilson = binomtest(16, 80).proportion_ci(0.95, method="wilson")  # 200 / 12.5 = 16 trials
    narrow = estimate_share([40], [200], confidence=0.975)
    assert share.lower < wilson.low < narrow.lower
    z2, n = 1.959963984540054**2, 16
    half = (1.959963984540054 / (1 + z2 / n)) * (0.16 / n + z2 / (4 * n * n)) ** 0.5
    centre = (0.2 + z2 / (2 * n)) / (1 + z2 / n)
    assert (share.lower, share.upper) == (
        pytest.approx(centre - half),
        pytest.approx(centre + half),
    )


def test_clusters_of_unequal_size_by_hand() -> None:
    # p = 30/300; residuals 0 - 10, 10 - 5, 20 - 15; 3/2 * 150 / 300^2 = 0.0025; over 0.09/300
    share = estimate_share([0, 10, 20], [100, 50, 150], confidence=0.975)
    assert share.design_effect == pytest.approx(0.0025 / 0.0003)


def test_clusters_more_even_than_chance_do_not_help() -> None:
    even = estimate_share([10, 10], [100, 100], confidence=0.975)
    one = estimate_share([20], [200], confidence=0.975)
    assert even.design_effect == 1.0
    assert (even.lower, even.upper) == (one.lower, one.upper)


def test_the_floor_of_the_design_effect() -> None:
    share = estimate_share([10, 10], [100, 100], confidence=0.975, min_design_effect=4)
    alone = estimate_share([5], [50], confidence=0.975)
    assert share.design_effect == 4
    assert (share.lower, share.upper) == pytest.approx((alone.lower, alone.upper))


@pytest.mark.parametrize(("hits", "trials"), [([], []), ([0, 0], [0, 0])])
def test_nothing_was_tried(hits: list[int], trials: list[int]) -> None:
    share = estimate_share(hits, trials, confidence=0.999)
    assert isnan(share.value)
    assert (share.lower, share.upper) == (0.0, 1.0)
    assert (share.trials, share.clusters) == (0, 0)
    assert isnan(share.design_effect)


def test_hours_without_trials_do_not_count() -> None:
    assert estimate_share([0, 10, 0, 30], [0, 100, 0, 100], confidence=0.9) == estimate_share(
        [10, 30], [100, 100], confidence=0.9
    )


def test_more_confidence_is_wider() -> None:
    at = [estimate_share([20], [200], confidence=c) for c in (0.9, 0.99, 0.999)]
    assert at[0].lower > at[1].lower > at[2].lower
    assert at[0].upper < at[1].upper < at[2].upper


def test_no_or_all_successes_stay_inside() -> None:
    none = estimate_share([0, 0], [10, 10], confidence=0.999)
    every = estimate_share([10, 10], [10, 10], confidence=0.999)
    assert none.lower == pytest.approx(0, abs=1e-12)
    assert none.upper == pytest.approx(1 - every.lower)
    assert every.upper == 1.0
    assert none.design_effect == every.design_effect == 1.0
    assert nan not in (none.value, every.value)


def test_lower_bounds_of_many_shares_as_scipy_says() -> None:
    hits, trials, alpha = np.array([0, 1, 60, 200, 50]), np.array([50, 2_000, 1_000, 200, 51]), 1e-6
    found = wilson_lower(hits / trials, trials, alpha=alpha)
    for k, n, lower in zip(hits.tolist(), trials.tolist(), found.tolist(), strict=True):
        wilson = binomtest(k, n).proportion_ci(1 - 2 * alpha, method="wilson")
        assert lower == pytest.approx(wilson.low, abs=1e-9)
        assert lower == pytest.approx(estimate_share([k], [n], confidence=1 - alpha).lower)


def test_a_lower_bound_of_no_trials_says_nothing() -> None:
    assert wilson_lower([0.5], [1e-9], alpha=1e-6)[0] == pytest.approx(0, abs=1e-9)
    assert wilson_lower([], [], alpha=1e-6).shape == (0,)
