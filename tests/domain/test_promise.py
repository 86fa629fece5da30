"""The parts add up to the promise."""

from __future__ import annotations

import pytest

from evergreen.domain.promise import TESTS_A_COLUMN, ctr_alarms_per_year, drift_alpha


@pytest.mark.parametrize("promised", [0.1, 1.0, 12.0])
@pytest.mark.parametrize("columns", [1, 30, 500])
def test_ctr_and_every_test_of_drift_add_up(promised: float, columns: int) -> None:
    tests_a_year = 8_760 * columns * TESTS_A_COLUMN
    drift = drift_alpha(promised, columns) * tests_a_year
    assert ctr_alarms_per_year(promised) + drift == pytest.approx(promised)


def test_the_default_by_hand() -> None:
    assert ctr_alarms_per_year(1.0) == 0.75
    assert drift_alpha(1.0, 30) == pytest.approx(0.25 / (8_760 * 30 * 6))


def test_no_columns_are_as_one() -> None:
    assert drift_alpha(1.0, 0) == drift_alpha(1.0, 1)
