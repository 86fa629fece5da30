"""Ids that an earlier hour has already, against sets."""

from __future__ import annotations

import numpy as np
import pytest

from evergreen.adapters.facts_repeats import repeated_later


@pytest.mark.parametrize("hours", [1, 2, 3, 48, 900])
def test_as_sets(hours: int) -> None:
    rng = np.random.default_rng(hours)
    ids = rng.integers(0, 2**63, 400, dtype=np.uint64) * np.uint64(2)
    keys = [rng.choice(ids, rng.integers(0, 30)) for _ in range(hours)]
    seen: set[int] = set()
    expected = []
    for own in keys:
        expected.append(sum(int(key) in seen for key in own))
        seen |= {int(key) for key in own}
    assert repeated_later(keys).tolist() == expected


def test_nothing() -> None:
    assert repeated_later([]).tolist() == []
    assert repeated_later([np.zeros(0, dtype=np.uint64)] * 3).tolist() == [0, 0, 0]


def test_within_one_hour_nothing_is_repeated() -> None:
    twice = np.array([7 << 40, 7 << 40], dtype=np.uint64)
    assert repeated_later([twice]).tolist() == [0]
    assert repeated_later([twice, twice]).tolist() == [0, 2]
