"""A new champion's scores against those that the gate judged."""

from __future__ import annotations

import pytest

from evergreen.domain.served_scores import judge_served_scores
from evergreen.domain.verdict import Verdict


@pytest.mark.parametrize(
    ("drifted", "psi", "rows", "said"),
    [
        (Verdict.YES, 8.28, 370, Verdict.YES),
        (Verdict.YES, 2.0, 370, Verdict.NO),  # it must exceed the bound
        (Verdict.YES, 0.3, 370, Verdict.NO),  # a drift, but no other model's scores
        (Verdict.NO, 8.28, 370, Verdict.NO),  # large, but no surprise
        (Verdict.YES, 8.28, 199, Verdict.NOT_ENOUGH_DATA),
        (Verdict.NOT_ENOUGH_DATA, 8.28, 370, Verdict.NOT_ENOUGH_DATA),
    ],
)
def test_it_takes_a_surprise_and_size(
    drifted: Verdict, psi: float, rows: int, said: Verdict
) -> None:
    found = judge_served_scores(drifted, psi, rows, max_psi=2.0)
    assert found is not None
    assert (found.verdict, found.psi, found.rows, found.bound) == (said, psi, rows, 2.0)


def test_the_reason_says_what_and_how_much() -> None:
    found = judge_served_scores(Verdict.YES, 8.28, 1_370, max_psi=2.0)
    assert found is not None
    assert found.reason == (
        "its scores are not those that the gate judged: PSI 8.28 over 24 hours, 1,370 impressions, "
        "fails above 2"
    )


def test_nothing_compared_is_nothing_said() -> None:
    assert judge_served_scores(Verdict.NOT_ENOUGH_DATA, None, 0, max_psi=2.0) is None
