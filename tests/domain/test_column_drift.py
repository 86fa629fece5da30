"""One column's drift: surprising and large, special bins, and every way of knowing too little."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, f, fisher_exact

from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.column_drift import ColumnDrift, View, judge_column
from evergreen.domain.distances import distances
from evergreen.domain.profile import ColumnProfile
from evergreen.domain.surprise import UNKNOWN, Spread
from evergreen.domain.verdict import Verdict

DAY = View(name="24h", min_psi=0.10, min_gain=0.05, alpha=1e-6, empty_share=1e-4)
NUMBERS = NumericBins(edges=(1.0, 2.0))
LEVELS = LevelBins(groups=(("a",), ("b",), ("c", "d")))
SPREAD = Spread(scale=1.0, freedom=3.0, blocks=28, design_effect=1.0)
THEN = (33_000, 33_000, 34_000, 0)


def profile(
    counts: tuple[int, ...] = THEN, *, bins: Bins = NUMBERS, spread: Spread = SPREAD
) -> ColumnProfile:
    return ColumnProfile(bins=bins, counts=counts, importance=0.3, day=spread, hour=spread)


def judge(
    now: tuple[int, ...], column: ColumnProfile | None = None, view: View = DAY
) -> ColumnDrift:
    return judge_column("price", [now], column or profile(), view=view).at(-1)


def test_the_same_shares_have_not_drifted() -> None:
    said = judge((3_300, 3_300, 3_400, 0))
    assert (said.verdict, said.kind) == (Verdict.NO, None)
    assert said.reason == "PSI 0.00 (large from 0.1); up to 1: +0.0% of rows"
    assert (said.rows, said.reference_rows, said.effective_rows) == (10_000, 100_000, 10_000)
    assert said.p_value == pytest.approx(1)


def test_a_shift_tells_value_bound_and_sizes() -> None:
    now = (200, 330, 470, 0)
    said = judge(now)
    assert (said.verdict, said.kind, said.importance) == (Verdict.YES, "shift", 0.3)
    apart = distances(THEN, now, empty_share=1e-4)
    assert said.psi == pytest.approx(apart.psi)
    assert said.reason == "PSI 0.11 (large from 0.1); above 2: +13.0% of rows"
    expected = np.array([330, 330, 340])
    x2 = float(((np.array(now[:3]) - expected) ** 2 / expected).sum()) / (1 + 1_000 / 100_000)
    assert said.p_value == pytest.approx(f.sf(x2 / 2, 2, 2 * 27))
    assert said.p_value < (said.alpha or 0) == 1e-6
    assert (said.min_psi, said.empty_share) == (0.10, 1e-4)
    assert (said.jensen_shannon, said.wasserstein) == (apart.jensen_shannon, apart.wasserstein)
    assert (said.largest_bin, said.largest_change) == ("above 2", pytest.approx(0.13))


def test_surprising_but_not_large() -> None:
    said = judge((31_000, 33_000, 36_000, 0), profile(tuple(100 * n for n in THEN)))
    assert said.p_value is not None
    assert said.p_value < 1e-19
    assert said.verdict is Verdict.NO
    assert judge((200, 330, 470, 0), view=replace(DAY, min_psi=0.12)).verdict is Verdict.NO


def test_large_but_not_surprising() -> None:
    said = judge((5, 15, 20, 0))
    assert said.psi is not None
    assert said.psi > 0.25
    assert said.verdict is Verdict.NO


def test_rows_of_few_users_are_less_surprising() -> None:
    clustered = replace(SPREAD, scale=20.0, design_effect=20.0)
    assert judge((200, 330, 470, 0)).verdict is Verdict.YES
    said = judge((200, 330, 470, 0), profile(spread=clustered))
    assert (said.verdict, said.effective_rows) == (Verdict.NO, 50)


def test_each_view_has_its_own_spread() -> None:
    column = replace(profile(), hour=replace(SPREAD, design_effect=10.0))
    assert judge((300, 300, 400, 0), column).effective_rows == 1_000
    hour = judge((300, 300, 400, 0), column, replace(DAY, name="1h"))
    assert (hour.view, hour.effective_rows) == ("1h", 100)


def test_all_missing_now() -> None:
    said = judge((0, 0, 0, 1_000))
    assert (said.verdict, said.kind) == (Verdict.YES, "missing")
    assert said.reason.endswith("missing: +100.0% of rows")


def test_missing_values_must_gain_surely_and_largely() -> None:
    assert judge((310, 310, 320, 60)).kind == "missing"
    assert judge((315, 315, 330, 40)).kind is None  # sure, but not 5 %
    wilson = binomtest(60, 1_000).proportion_ci(1 - 2e-6, method="wilson")
    assert 0.029 < wilson.low < 0.034
    held = replace(DAY, min_gain=0.01)
    few, many = (profile((33_000, 33_000, 34_000, n)) for n in (2_500, 3_600))
    assert judge((310, 310, 320, 60), few, held).kind == "missing"
    assert judge((310, 310, 320, 60), many, held).kind is None  # may be what the reference had


def test_a_small_reference_without_missing_values_is_not_proof() -> None:
    then, now = (330, 330, 340, 0), (15, 15, 15, 3)
    assert fisher_exact([[3, 45], [0, 1_000]]).pvalue > 1e-6
    assert judge(now, profile(then)).kind is None


def test_a_column_that_was_half_null_may_stay_so() -> None:
    column = profile((25_000, 12_500, 12_500, 50_000))
    assert judge((250, 125, 125, 500), column).verdict is Verdict.NO
    assert judge((100, 50, 50, 800), column).kind == "missing"
    filled = judge((500, 250, 250, 0), column)
    assert (filled.verdict, filled.kind, filled.largest_bin) == (Verdict.YES, "shift", "missing")


def test_new_categories() -> None:
    column = profile((50_000, 30_000, 20_000, 0, 0), bins=LEVELS)
    said = judge((430, 270, 180, 120, 0), column)
    assert (said.verdict, said.kind) == (Verdict.YES, "new_category")
    assert said.largest_bin == "other"
    assert said.wasserstein is None  # levels have no order
    assert judge((430, 270, 180, 0, 120), column).kind == "missing"
    both = judge((230, 170, 100, 250, 250), column)
    assert both.kind == "missing"  # a break is told before what it brings with it


def test_a_group_of_rare_levels_is_watched() -> None:
    column = profile((50_000, 30_000, 20_000, 0, 0), bins=LEVELS)
    said = judge((300, 200, 500, 0, 0), column)
    assert (said.kind, said.largest_bin) == ("shift", "c and 1 more")


def test_everything_in_one_bin() -> None:
    said = judge((0, 1_000, 0, 0))
    assert (said.verdict, said.kind) == (Verdict.YES, "constant")
    assert judge((2, 998, 0, 0)).kind == "shift"


def test_a_constant_column_may_stay_so() -> None:
    column = profile((100_000, 0, 0, 0))
    said = judge((1_000, 0, 0, 0), column)
    assert (said.verdict, said.kind, said.psi) == (Verdict.NO, None, 0.0)
    assert judge((0, 0, 0, 1_000), column).kind == "missing"


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ((100_000, 0, 0, 0), (0, 50_000, 0, 0)),
        ((0, 0, 0, 100_000), (500, 500, 1_000, 0)),
        ((99_900, 100, 0, 0), (2_000, 2_000, 0, 0)),
        ((99_000, 1_000, 0, 0), (150, 250, 0, 0)),
    ],
    ids=["was constant", "was null", "was one in a thousand", "was one in a hundred"],
)
def test_a_nearly_constant_column_that_changes(then: tuple[int, ...], now: tuple[int, ...]) -> None:
    said = judge(now, profile(then))
    assert said.verdict is Verdict.YES
    assert said.psi is not None
    assert said.psi > 0.10


@pytest.mark.parametrize(
    ("now", "column", "reason"),
    [
        ((0, 0, 0, 0), profile(), "no rows"),
        ((1, 0, 0, 0), profile(), "1 rows are too few"),
        ((5, 5, 5, 2), profile(spread=replace(SPREAD, design_effect=10.0)), "17 rows are too few"),
        ((9, 9, 9), profile(), "sketched in 3 bins, the profile has 4"),
        ((9, 9, 9, 9, 9), profile(), "sketched in 5 bins, the profile has 4"),
        ((900, 50, 50, 0), profile((0, 0, 0, 0)), "the reference has no rows of it"),
        (
            (900, 50, 50, 0),
            profile(spread=UNKNOWN),
            "the reference has 0 blocks of this length, 3 needed",
        ),
        (
            (900, 50, 50, 0),
            profile(spread=replace(SPREAD, blocks=2)),
            "the reference has 2 blocks of this length, 3 needed",
        ),
    ],
)
def test_not_enough_data(now: tuple[int, ...], column: ColumnProfile, reason: str) -> None:
    said = judge(now, column)
    assert (said.verdict, said.kind, said.reason) == (Verdict.NOT_ENOUGH_DATA, None, reason)
    assert (said.rows, said.importance) == (sum(now), 0.3)
    assert (said.psi, said.p_value) == (None, None)


def test_a_problem_of_the_hour_is_the_reason() -> None:
    series = judge_column("price", [(0, 0, 0, 0)], profile(), view=DAY)
    said = series.at(-1, problem="the hour has no column price")
    assert (said.verdict, said.reason) == (Verdict.NOT_ENOUGH_DATA, "the hour has no column price")


def test_one_bin() -> None:
    column = profile((90_000, 10_000), bins=NumericBins(edges=()))
    assert judge((900, 100), column).verdict is Verdict.NO
    assert judge((500, 500), column).kind == "missing"


def test_many_hours_are_judged_as_each_alone() -> None:
    rng = np.random.default_rng(3)
    hours = [(0, 0, 0, 0), (0, 0, 0, 500), (0, 700, 0, 0), (1, 1, 1, 0), (90, 330, 580, 0)]
    hours += [tuple(row) for row in rng.multinomial(2_000, [0.33, 0.33, 0.34, 0], size=20)]
    series = judge_column("price", hours, profile(), view=DAY)
    assert [series.at(i) for i in range(len(hours))] == [judge(now) for now in hours]
    kinds = [series.at(i).kind for i in range(5)]
    assert kinds == [None, "missing", "constant", None, "shift"]
    assert {series.at(i).verdict for i in range(5, 25)} == {Verdict.NO}
