"""The analytic counterpart of the cluster bootstrap: by hand, against it, and its borders."""

from __future__ import annotations

from math import inf, isnan, sqrt

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from evergreen.domain.bootstrap import bootstrap_mean
from evergreen.domain.cluster_estimate import (
    Sums,
    estimate_difference,
    estimate_mean,
    estimate_ratio,
    sums_of,
)


def test_single_rows_are_the_t_test() -> None:
    rows = np.random.default_rng(3).normal(0.1, 1.0, size=40)
    theirs = ttest_1samp(rows, 0.0).confidence_interval(0.95)
    assert estimate_mean(rows, np.arange(40)).bounds(0.025) == pytest.approx(theirs)


def test_unequal_clusters_by_hand() -> None:
    """Mean 3/4; residuals -3/4 and 3 - 9/4 over 4 rows; squares over 1 - 1/4 and 1 - 3/4."""
    found = estimate_mean([0, 1, 1, 1], ["a", "b", "b", "b"])
    assert (found.value, found.rows, found.clusters) == (0.75, 4, 2)
    assert found.standard_error == pytest.approx(sqrt((0.75 / 4) ** 2 * (4 / 3 + 4)))
    assert found.freedom == 1.0  # 16/10 - 1 is below the least


@pytest.mark.parametrize("heavy", [False, True])
def test_it_agrees_with_the_bootstrap(heavy: bool) -> None:
    rng = np.random.default_rng(5)
    sizes = rng.geometric(0.1, 800) if not heavy else np.ceil(rng.lognormal(1.5, 1.0, 800))
    clusters = np.repeat(np.arange(800), sizes.astype(int))
    values = rng.normal(0, 0.3, 800)[clusters] + rng.normal(size=clusters.size)
    found = estimate_mean(values, clusters).bounds(0.025)
    drawn = bootstrap_mean(values, clusters, confidence=0.95, resamples=8_000, seed=1)
    assert found[1] - found[0] == pytest.approx(drawn.upper - drawn.lower, rel=0.04)
    assert found == pytest.approx((drawn.lower, drawn.upper), abs=0.06 * (found[1] - found[0]))


def test_a_ratio_of_sums_is_the_mean_of_its_rows() -> None:
    rng = np.random.default_rng(1)
    clusters, values = rng.integers(30, size=500), rng.normal(size=500)
    by_row = estimate_mean(values, clusters)
    sums = sums_of(values, None, clusters)
    assert estimate_ratio(sums) == by_row
    entries = sums_of(sums.of, sums.rows, np.arange(sums.of.size))
    assert estimate_ratio(entries) == by_row


def test_a_paired_difference_is_that_of_the_ratios() -> None:
    rows = np.array([2.0, 1.0, 3.0])
    a, b = (
        Sums(of=np.array([2.0, 0.0, 1.0]), rows=rows),
        Sums(of=np.array([1.0, 0.0, 2.0]), rows=rows),
    )
    found = estimate_difference(a, b)
    alone = estimate_ratio(Sums(of=a.of - b.of, rows=rows))
    assert (found.value, found.standard_error) == pytest.approx((alone.value, alone.standard_error))
    same = estimate_difference(a, a)
    assert (same.value, same.standard_error) == (0.0, 0.0)


def test_one_cluster_says_nothing() -> None:
    found = estimate_mean([1, 2], ["u", "u"])
    assert (found.value, found.standard_error, found.bounds(0.1)) == (1.5, inf, (-inf, inf))


def test_no_rows() -> None:
    found = estimate_mean([], [])
    assert isnan(found.value)
    assert all(isnan(bound) for bound in found.bounds(0.025))
    assert (found.rows, found.clusters) == (0, 0)


def test_equal_models_have_no_error() -> None:
    assert estimate_mean(np.zeros(9), np.arange(9)).bounds(1e-6) == (0.0, 0.0)


def test_a_few_large_clusters_count_as_few() -> None:
    clusters = np.repeat(np.arange(101), [1_000] + [1] * 100)
    found = estimate_mean(np.random.default_rng(0).normal(size=clusters.size), clusters)
    assert found.freedom == 1.0
    assert found.clusters == 101
