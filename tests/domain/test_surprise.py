"""Surprise against scipy, pooling by hand, and p-values of rows that are not independent."""

from __future__ import annotations

import numpy as np
import pytest
from made_users import user_counts
from scipy.stats import chi2_contingency, chisquare, f

from evergreen.domain.distances import distances
from evergreen.domain.surprise import UNKNOWN, Spread, Surprise, fit_spread, surprise

FLOOR = 1e-4
HUGE = 10**12  # a reference so large that its own error is nothing


def known(bins: int, *, blocks: int = 10**6, design_effect: float = 1.0) -> Spread:
    """Return the spread of rows that come in equal clusters, known from so many blocks."""
    return Spread(
        scale=design_effect, freedom=bins - 1.0, blocks=blocks, design_effect=design_effect
    )


def of(counts: object, reference: object, spread: Spread) -> Surprise:
    return surprise(counts, reference, spread=spread, empty_share=FLOOR)


def test_independent_rows_as_scipy_says() -> None:
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    for counts in ([45, 28, 17, 10], [400, 310, 190, 100], [30, 30, 30, 30]):
        found = of([counts], shares * HUGE, known(4))
        theirs = chisquare(counts, shares * sum(counts))
        assert found.p_value[0] == pytest.approx(theirs.pvalue, rel=1e-3)
        assert found.bins[0] == 4


def test_a_small_reference_counts_as_a_second_sample() -> None:
    then, now = np.array([4_000, 3_000, 2_000, 1_000]), np.array([430, 290, 180, 100])
    theirs = chi2_contingency(np.stack([then, now]))
    assert of([now], then, known(4)).p_value[0] == pytest.approx(theirs.pvalue, rel=0.05)
    assert (
        of([now], then, known(4)).p_value[0] > 1.05 * of([now], then * 10**6, known(4)).p_value[0]
    )


def test_few_blocks_make_it_less_sure() -> None:
    counts, shares = [45, 30, 15, 10], np.array([0.4, 0.3, 0.2, 0.1])
    x2 = chisquare(counts, shares * 100).statistic
    for blocks in (3, 10, 28):
        found = of([counts], shares * HUGE, known(4, blocks=blocks))
        assert found.p_value[0] == pytest.approx(f.sf(x2 / 3, 3, 3 * (blocks - 1)))


def test_clusters_divide_the_evidence() -> None:
    shares = np.array([0.5, 0.3, 0.2])
    tenfold = of([[5_200, 2_900, 1_900]], shares * HUGE, known(3, design_effect=10.0))
    alone = of([[520, 290, 190]], shares * HUGE, known(3))
    assert tenfold.p_value[0] == pytest.approx(alone.p_value[0])
    assert tenfold.psi[0] == pytest.approx(alone.psi[0])  # size is not evidence


def test_rare_bins_are_pooled_by_hand() -> None:
    # 100 rows expect 90, 6, 3 and 1: the two rare ones together 4, so the third joins them
    then, now = np.array([6, 90, 1, 3]) * HUGE, [10, 84, 2, 4]
    found = of([now], then, known(4))
    assert found.bins[0] == 2
    assert found.p_value[0] == pytest.approx(chisquare([84, 16], [90, 10]).pvalue, rel=1e-4)
    pooled = distances([90, 10], [84, 16], empty_share=FLOOR)
    assert found.psi[0] == pytest.approx(pooled.psi)


def test_pooling_follows_the_rows_of_each_hour() -> None:
    shares = np.array([0.9, 0.06, 0.03, 0.01])
    found = of(np.outer([50, 100, 200, 1_000], shares), shares * HUGE, known(4))
    assert found.bins.tolist() == [2, 2, 3, 4]
    clustered = of([1_000 * shares], shares * HUGE, known(4, design_effect=10.0))
    assert clustered.bins.tolist() == [2]


def test_the_floor_is_that_of_the_pooled_bin() -> None:
    then = np.array([97, 1, 1, 1]) * HUGE
    found = of([[100, 0, 0, 0]], then, known(4, design_effect=0.5))
    assert found.bins[0] == 2
    assert found.psi[0] == pytest.approx(distances([97, 3], [100, 0], empty_share=FLOOR).psi)


def test_the_order_of_bins_does_not_matter() -> None:
    then, now = np.array([500, 300, 150, 40, 10]), np.array([430, 320, 160, 70, 20])
    found = of([now], then, known(5))
    for order in ([4, 3, 2, 1, 0], [2, 0, 4, 1, 3]):
        other = of([now[order]], then[order], known(5))
        assert other.p_value[0] == pytest.approx(found.p_value[0])
        assert other.psi[0] == pytest.approx(found.psi[0])


def test_many_hours_are_judged_as_each_alone() -> None:
    rng = np.random.default_rng(2)
    then = np.array([400, 300, 200, 90, 10])
    now = rng.multinomial([50, 0, 500, 5_000], then / then.sum())
    together = of(now, then, known(5))
    for hour, counts in enumerate(now):
        alone = of([counts], then, known(5))
        assert together.p_value[hour] == pytest.approx(alone.p_value[0], nan_ok=True)
        assert together.psi[hour] == pytest.approx(alone.psi[0], nan_ok=True)


def test_nothing_can_be_said() -> None:
    no_rows = of([[0, 0, 0]], [5, 3, 2], known(3))
    assert np.isnan([no_rows.p_value[0], no_rows.psi[0]]).all()
    assert np.isnan(of([[2, 1, 1]], [5, 3, 2], known(3)).p_value[0])  # four rows expect too few
    assert np.isnan(of([[900]], [1_000], known(2)).p_value[0])
    assert np.isnan(of([[900, 100]], [500, 500], UNKNOWN).p_value[0])
    assert of(np.zeros((0, 3)), [5, 3, 2], known(3)).p_value.shape == (0,)


def test_two_bins_of_a_reference_by_hand() -> None:
    # shares 1/2, expected 5: X² = 10, 10, 0, 0; over 4 - 1 blocks and one degree of freedom
    spread = fit_spread([[10, 0], [0, 10], [5, 5], [5, 5]])
    assert spread.design_effect == pytest.approx(20 / 3)
    assert (spread.freedom, spread.blocks) == (1.0, 4)
    assert spread.scale == pytest.approx(20 / 3)


@pytest.mark.parametrize("size", [1, 10])
def test_a_cluster_of_ten_rows_is_a_design_effect_of_ten(size: int) -> None:
    counts = np.random.default_rng(4).multinomial(200, np.full(10, 0.1), size=2_000) * size
    spread = fit_spread(counts)
    assert spread.design_effect == pytest.approx(size, rel=0.05)
    assert spread.freedom == pytest.approx(9, rel=0.05)
    assert spread.scale * spread.freedom == pytest.approx(spread.design_effect * 9)


def test_unequal_clustering_matches_mean_and_variance() -> None:
    """Satterthwaite: scale · chi-square(freedom) has the mean and variance of X² itself."""
    rng = np.random.default_rng(5)
    tilt = rng.normal(1, 0.3, size=(4_000, 1)).clip(0.1, 2)  # days that differ along one direction
    shares = np.hstack([0.2 * tilt, np.full((4_000, 4), 0.1), 0.6 - 0.2 * tilt])
    counts = rng.multinomial(1_000, shares)
    mean = counts.sum(axis=0) / counts.sum()
    x2 = ((counts - 1_000 * mean) ** 2 / (1_000 * mean)).sum(axis=1)
    spread = fit_spread(counts)
    assert spread.scale * spread.freedom == pytest.approx(x2.mean(), rel=0.01)
    assert 2 * spread.scale**2 * spread.freedom == pytest.approx(x2.var(), rel=0.1)
    assert spread.freedom < 2  # nearly all of it lies in that direction


@pytest.mark.parametrize(
    ("blocks", "count", "freedom"),
    [
        (np.zeros((0, 4)), 0, 1.0),
        ([[5, 5], [5, 5]], 2, 1.0),
        ([[9], [8], [7]], 3, 1.0),
        ([[9, 0, 0], [8, 0, 0], [7, 0, 0]], 3, 1.0),
        ([[4, 6, 5], [0, 0, 0], [5, 5, 5]], 2, 2.0),
    ],
    ids=["no blocks", "two blocks", "one bin", "one bin that is used", "an empty block"],
)
def test_a_reference_that_says_nothing_of_spread(
    blocks: object, count: int, freedom: float
) -> None:
    spread = fit_spread(blocks)
    assert (spread.blocks, spread.freedom, spread.design_effect) == (count, freedom, 1.0)


def test_bins_that_were_never_used_do_not_count() -> None:
    used = np.random.default_rng(6).multinomial(300, [0.5, 0.3, 0.2], size=50)
    assert fit_spread(np.insert(used, [0, 2], 0, axis=1)) == fit_spread(used)


@pytest.mark.parametrize(
    "shares", [np.full(10, 0.1), np.array([40, 20, 10, 10, 5, 5, 4, 3, 2, 1]) / 100]
)
def test_p_values_of_users_of_ten_are_uniform_in_the_tail(shares: np.ndarray) -> None:
    """200 users an hour without a change: 4 references of 600 hours, 4,000 hours each."""
    surprised, mistaken = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        then = user_counts(rng, blocks=600, users=200, shares=shares)
        now = user_counts(rng, blocks=4_000, users=200, shares=shares)
        own = of(now, then.sum(axis=0), fit_spread(then))
        independent = of(now, then.sum(axis=0), known(10))
        surprised.append(np.mean(own.p_value < 0.01))
        mistaken.append(np.mean(independent.p_value < 0.01))
    assert 0.003 < np.mean(surprised) < 0.017
    assert max(surprised) < 0.025
    assert min(mistaken) > 0.95  # what a test of independent rows would make of the same hours
