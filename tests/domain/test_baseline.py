"""The CTR baseline by hand, its dispersion three ways, and references that teach nothing."""

from __future__ import annotations

import json
from math import sqrt

import numpy as np
import pytest
from made_users import MONDAY, hours_from, user_clicks
from scipy.stats import chi2

from evergreen.domain.baseline import CtrBaseline, fit_baseline


def fitted(clicks: object, impressions: object, *, view_squares: object = (0, 0, 0)) -> CtrBaseline:
    hours = hours_from(MONDAY, len(np.asarray(clicks)))
    baseline = fit_baseline(hours, clicks, impressions, view_squares=view_squares)
    assert baseline is not None
    return baseline


def test_one_hour_by_hand() -> None:
    baseline = fitted([40], [1_000])
    assert baseline.rate == 0.04
    assert set(baseline.shape) == {1.0}
    assert baseline.dispersion == 1.0
    assert baseline.rate_error == pytest.approx(sqrt(0.96 / 40))
    assert (baseline.volume[0], sum(baseline.volume)) == (1_000, 1_000)
    assert (baseline.impressions, baseline.hours) == (1_000, 1)


def test_two_days_of_one_hour_by_hand() -> None:
    # p = 0.2, 20 expected each: chi-square 2 * 10^2 / 20 / 0.8 = 12.5 with one degree of freedom
    baseline = fit_baseline([MONDAY, hours_from(MONDAY, 25)[-1]], [10, 30], [100, 100])
    assert baseline is not None
    assert baseline.rate == pytest.approx(0.2)
    assert baseline.dispersion == pytest.approx(12.5)
    assert baseline.rate_error == pytest.approx(0.5)  # sqrt(12.5 * 0.8 / 40)


def test_days_that_differ_more_than_their_hours_by_hand() -> None:
    # two hours of two days: by hour 25 / 3; by day 25, but surely only 25 / chi2(0.8)
    first = hours_from(MONDAY, 26)
    baseline = fit_baseline([*first[:2], *first[24:]], [10, 10, 30, 30], [100] * 4)
    assert baseline is not None
    assert baseline.dispersion == pytest.approx(25 / chi2.ppf(0.8, 1))
    # the rate's error comes from the days: sqrt(2 * (20^2 + 20^2)) / 80
    assert baseline.rate_error == pytest.approx(0.5)


def test_clicks_of_a_page_view_come_together_by_hand() -> None:
    # 50 views of two rows, five of them with both clicked: 20 - 2 * 0.1 * 20 + 0.01 * 200 = 18,
    # over 100 * 0.1 * 0.9
    baseline = fitted([10], [100], view_squares=(200, 20, 20))
    assert baseline.dispersion == pytest.approx(2.0)
    assert fitted([10], [100], view_squares=(200, 20, 10)).dispersion == pytest.approx(1.0)


def test_more_even_than_chance_is_no_less_than_chance() -> None:
    assert fitted([10] * 48, [100] * 48).dispersion == 1.0


@pytest.mark.parametrize(("phi", "tolerance"), [(1.0, 0.15), (3.0, 0.4)])
def test_the_dispersion_of_users_of_ten(phi: float, tolerance: float) -> None:
    n, rates = np.full(672, 2_000), np.full(672, 0.04)
    clicks = user_clicks(np.random.default_rng(1), n, rates, phi)
    baseline = fitted(clicks, n)
    assert baseline.dispersion == pytest.approx(phi, abs=tolerance)
    assert baseline.rate == pytest.approx(0.04, rel=4 * baseline.rate_error)
    assert baseline.rate_error == pytest.approx(sqrt(phi * 0.96 / clicks.sum()), rel=0.3)


def test_the_rate_error_is_the_rates_own_scatter() -> None:
    """The estimates of many references scatter by what each of them says of itself."""
    n, rates = np.full(168, 2_000), np.full(168, 0.04)
    found = [
        fitted(user_clicks(np.random.default_rng(seed), n, rates, 3.0), n) for seed in range(120)
    ]
    scatter = np.std([b.rate for b in found]) / 0.04
    assert float(np.mean([b.rate_error for b in found])) == pytest.approx(scatter, rel=0.25)


def test_the_rhythm_is_expected_again() -> None:
    hour = np.arange(672)
    n, rates = np.full(672, 50_000), 0.04 * (1 + 0.15 * np.sin(2 * np.pi * hour / 24))
    baseline = fitted(user_clicks(np.random.default_rng(2), n, rates, 1.0), n)
    later = hours_from(MONDAY, 48)
    assert baseline.expected(later) == pytest.approx(rates[:48], rel=0.03)
    assert baseline.expected([]).shape == (0,)


def test_closed_hours_have_no_volume() -> None:
    n = np.where(np.arange(336) % 24 < 6, 0, 500)
    baseline = fitted(user_clicks(np.random.default_rng(3), n, np.full(336, 0.1), 1.0), n)
    assert baseline.hours == 14 * 18
    assert set(baseline.volume[:6]) == {0.0}
    assert set(baseline.volume[6:24]) == {500.0}


def test_volume_is_the_mean_of_hours_that_were_open() -> None:
    n = np.zeros(336)
    n[[0, 168, 1]] = [100, 300, 50]  # the second Monday 01:00 was closed
    baseline = fitted(n / 10, n)
    assert baseline.volume[:3] == (200.0, 50.0, 0.0)


@pytest.mark.parametrize(
    ("clicks", "impressions"),
    [([], []), ([0, 0], [0, 0]), ([0, 0], [500, 500]), ([7, 8], [7, 8])],
    ids=["no hours", "no impressions", "no clicks", "all clicked"],
)
def test_nothing_can_be_expected(clicks: list[int], impressions: list[int]) -> None:
    assert fit_baseline(hours_from(MONDAY, len(clicks)), clicks, impressions) is None


def test_an_expected_ctr_stays_below_one() -> None:
    baseline = fitted([90], [100])
    peak = CtrBaseline(**{**baseline.to_json(), "shape": (2.0,) * 168})
    assert peak.expected([MONDAY])[0] == pytest.approx(1)
    assert peak.expected([MONDAY])[0] < 1


def test_through_json_and_back() -> None:
    baseline = fitted([4, 9, 2], [100, 120, 80])
    assert CtrBaseline.from_json(json.loads(json.dumps(baseline.to_json()))) == baseline
