"""The cluster bootstrap against scipy's, and its borders."""

from __future__ import annotations

from math import inf, isnan, nan

import numpy as np
import pytest
from scipy.stats import bootstrap

from evergreen.domain.bootstrap import MeanInterval, bootstrap_mean


def interval(
    values: object, clusters: object, seed: int = 7, resamples: int = 2_000
) -> MeanInterval:
    return bootstrap_mean(values, clusters, confidence=0.95, resamples=resamples, seed=seed)


def test_single_rows_as_scipy_says() -> None:
    rows = np.random.default_rng(3).normal(0.1, 1.0, size=400)
    ours = interval(rows, np.arange(400), resamples=20_000)
    theirs = bootstrap(
        (rows,), np.mean, confidence_level=0.95, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    assert ours.value == pytest.approx(rows.mean())
    assert ours.lower == pytest.approx(theirs.low, abs=0.005)  # the bounds' own error is 0.001
    assert ours.upper == pytest.approx(theirs.high, abs=0.005)


def test_rows_of_one_cluster_stay_together() -> None:
    rng = np.random.default_rng(3)
    a_cluster = rng.normal(size=100)
    values, clusters = np.repeat(a_cluster, 25), np.repeat(np.arange(100), 25)
    together, apart = interval(values, clusters), interval(values, np.arange(2_500))
    once = interval(a_cluster, np.arange(100))
    assert (together.lower, together.upper) == pytest.approx((once.lower, once.upper))
    assert (together.upper - together.lower) / (apart.upper - apart.lower) == pytest.approx(5, 0.1)
    assert (together.rows, together.clusters) == (2_500, 100)


def test_equal_models_are_not_better() -> None:
    same = interval(np.zeros(500), np.arange(500))
    assert (same.value, same.lower, same.upper) == (0, 0, 0)
    assert not same.lower > 0


def test_two_clusters_by_hand() -> None:
    # Resamples hold cluster b 0, 1 or 2 times: means 0, 1/2, 1 with probability 1/4, 1/2, 1/4.
    found = interval([0, 1], ["a", "b"])
    assert (found.value, found.lower, found.upper) == (0.5, 0.0, 1.0)


def test_large_clusters_weigh_by_their_rows() -> None:
    # b, b: 1; a, b: 3/4; a, a: 0
    found = interval([0, 1, 1, 1], ["a", "b", "b", "b"])
    assert (found.value, found.lower, found.upper) == (0.75, 0.0, 1.0)


def test_one_cluster_says_nothing() -> None:
    found = interval([1, 2, 3], ["u", "u", "u"])
    assert (found.value, found.lower, found.upper) == (2.0, -inf, inf)
    assert found.clusters == 1


def test_no_rows() -> None:
    found = interval([], [])
    assert isnan(found.value)
    assert isnan(found.lower)
    assert isnan(found.upper)
    assert (found.rows, found.clusters) == (0, 0)


def test_a_nan_is_never_above_a_bound() -> None:
    found = interval([1.0, nan, 1.0], [0, 1, 2])
    assert isnan(found.value)
    assert not found.lower > 0


def test_the_seed_decides() -> None:
    rows, clusters = np.random.default_rng(1).normal(size=50), np.arange(50)
    assert interval(rows, clusters) == interval(rows, clusters)
    assert interval(rows, clusters) != interval(rows, clusters, seed=8)


def test_resamples_need_not_fill_a_batch() -> None:
    assert interval([0, 1], [0, 1], resamples=201).resamples == 201
