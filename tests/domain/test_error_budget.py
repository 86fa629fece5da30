"""All attempts together spend the budget, and no more."""

from __future__ import annotations

import pytest

from evergreen.domain.error_budget import budget_of


def test_the_first_and_the_next() -> None:
    first, second = (budget_of(j, first=0.025, total=0.05) for j in (1, 2))
    assert (first.attempt, first.alpha, first.spent, first.total) == (1, 0.025, 0.025, 0.05)
    assert (second.alpha, second.spent) == pytest.approx((0.0125, 0.0375))


def test_the_sum_is_what_was_spent_and_stays_below_the_total() -> None:
    spends = [budget_of(j, first=0.01, total=0.2) for j in range(1, 5_001)]
    for count in (1, 2, 10, 5_000):
        assert sum(b.alpha for b in spends[:count]) == pytest.approx(spends[count - 1].spent)
    assert 0.1999 < spends[-1].spent < 0.2


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValueError, match="attempts count from 1, not 0"):
        budget_of(0, first=0.025, total=0.05)
