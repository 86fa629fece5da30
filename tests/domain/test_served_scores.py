"""A new champion's scores against those that the gate judged."""

from __future__ import annotations

import pytest

from evergreen.domain.served_scores import ScoreView, judge_served_scores
from evergreen.domain.verdict import Verdict


def view(name: str, verdict: Verdict, psi: float | None) -> ScoreView:
    return ScoreView(name=name, verdict=verdict, psi=psi, rows=370)


@pytest.mark.parametrize(
    ("verdict", "psi", "said"),
    [
        (Verdict.YES, 8.28, Verdict.YES),
        (Verdict.YES, 1.0, Verdict.NO),  # it must exceed the bound
        (Verdict.YES, 0.3, Verdict.NO),  # a drift, but no other model's scores
        (Verdict.NO, 8.28, Verdict.NO),  # large, but few rows: no surprise
        (Verdict.NOT_ENOUGH_DATA, 8.28, Verdict.NO),
    ],
)
def test_it_takes_a_surprise_and_size(verdict: Verdict, psi: float, said: Verdict) -> None:
    found = judge_served_scores([view("24h", verdict, psi)], max_psi=1.0)
    assert found is not None
    assert found.verdict is said
    assert found.rows == 370


def test_the_view_that_tells_most_counts() -> None:
    views = [view("24h", Verdict.NO, 3.0), view("1h", Verdict.YES, 2.0), view("x", Verdict.YES, 1)]
    found = judge_served_scores(views, max_psi=1.0)
    assert found is not None
    assert (found.view, found.psi) == ("1h", 2.0)
    assert found.reason == (
        "its scores are not those that the gate judged: PSI 2.00 over 1h, fails above 1"
    )


def test_nothing_compared_is_nothing_said() -> None:
    assert judge_served_scores([], max_psi=1.0) is None
    assert judge_served_scores([view("24h", Verdict.YES, None)], max_psi=1.0) is None
