"""Distances against scipy, and where there is nothing to compare."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

from evergreen.domain.distances import distances

FLOOR = 1e-4
RNG = np.random.default_rng(11)
PAIRS = [RNG.integers(1, 500, size=(2, size)) for size in (2, 5, 12, 22)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.shape[1]} bins")
def test_as_scipy_says(pair: np.ndarray) -> None:
    then, now = pair
    p, q = then / then.sum(), now / now.sum()
    found = distances(then, now, empty_share=FLOOR)
    assert found.psi == pytest.approx(entropy(p, q) + entropy(q, p))  # Jeffreys' divergence
    assert found.jensen_shannon == pytest.approx(jensenshannon(p, q, base=2))
    at = np.arange(p.size)
    assert found.wasserstein == pytest.approx(wasserstein_distance(at, at, p, q) / (p.size - 1))
    assert found.largest_change == (q - p)[found.largest_bin]
    assert abs(found.largest_change) == pytest.approx(np.abs(q - p).max())


def test_the_same_shares_are_no_distance_apart() -> None:
    found = distances([10, 30, 0], [1, 3, 0], empty_share=FLOOR)
    assert (found.psi, found.jensen_shannon, found.wasserstein) == (0.0, 0.0, 0.0)
    assert found.largest_change == 0.0


def test_nothing_in_common() -> None:
    found = distances([5, 0, 0], [0, 0, 9], empty_share=FLOOR)
    assert found.psi == pytest.approx(2 * (1 - FLOOR) * log(1 / FLOOR))
    assert found.psi == pytest.approx(18.42, abs=0.005)
    assert (found.jensen_shannon, found.wasserstein) == (1.0, 1.0)
    assert (found.largest_change, found.largest_bin) == (1.0, 2)  # of two, the one that grew


def test_the_floor_decides_the_size_of_a_large_psi() -> None:
    then, now = [99, 1, 0], [50, 0, 50]
    sizes = [distances(then, now, empty_share=floor).psi for floor in (1e-2, 1e-4, 1e-9)]
    by_hand = -0.49 * log(50 / 99) - 0.0099 * log(1e-4 / 0.01) + 0.4999 * log(0.5 / 1e-4)
    assert sizes[1] == pytest.approx(by_hand)
    assert sizes[2] > 2 * sizes[1] > 3 * sizes[0]
    assert distances(then, now, empty_share=FLOOR).empty_share == FLOOR


def test_the_floor_leaves_full_bins_alone() -> None:
    a, b = (distances([40, 60], [60, 40], empty_share=floor).psi for floor in (1e-4, 1e-9))
    assert a == b == pytest.approx(0.4 * log(1.5))


def test_one_bin() -> None:
    found = distances([7], [3], empty_share=FLOOR)
    assert (found.psi, found.jensen_shannon, found.wasserstein, found.largest_bin) == (0, 0, 0, 0)


def test_counts_or_shares() -> None:
    assert distances([2, 6], [3, 1], empty_share=FLOOR) == distances(
        [0.25, 0.75], [0.75, 0.25], empty_share=FLOOR
    )


@pytest.mark.parametrize(("then", "now"), [([0, 0], [1, 1]), ([1, 1], [0, 0]), ([], [])])
def test_there_is_no_share_of_nothing(then: list[int], now: list[int]) -> None:
    with pytest.raises(ValueError, match="a distance needs rows on both sides"):
        distances(then, now, empty_share=FLOOR)
