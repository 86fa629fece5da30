"""The CTR rule at its borders, and the words it answers with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evergreen.domain.ctr import CtrRule, judge_ctr
from evergreen.domain.verdict import Verdict

RULE = CtrRule(max_drop=0.15, floor=None, confidence=0.999, min_impressions=1_000)


def test_surely_below() -> None:
    said = judge_ctr([40, 40], [1_000, 1_000], baseline=0.08, rule=RULE)
    assert said.verdict is Verdict.YES
    assert said.bound == pytest.approx(0.068)
    assert said.ctr.value == 0.04
    # Wilson at z = 3.0902 with 2,000 trials: 5.59 %
    assert said.reason == "CTR 4.00%, 50% below 8.00%; at most 5.59%, allowed 6.80%"


def test_below_but_not_surely() -> None:
    said = judge_ctr([60], [1_000], baseline=0.08, rule=RULE)
    assert said.ctr.value < said.bound < said.ctr.upper
    assert said.verdict is Verdict.NO
    assert said.reason == "CTR 6.00%, at most 8.76%; allowed 6.80%"


def test_hours_that_differ_make_the_same_counts_less_sure() -> None:
    clicks, impressions = [100, 0, 0, 0], [500] * 4
    assert judge_ctr([100], [2_000], baseline=0.09, rule=RULE).verdict is Verdict.YES
    assert judge_ctr(clicks, impressions, baseline=0.09, rule=RULE).verdict is Verdict.NO


def test_one_impression_too_few() -> None:
    said = judge_ctr([0], [999], baseline=0.08, rule=RULE)
    assert said.verdict is Verdict.NOT_ENOUGH_DATA
    assert said.reason == "999 impressions in the window, 1000 needed"
    assert judge_ctr([0], [1_000], baseline=0.08, rule=RULE).verdict is Verdict.YES


def test_no_impressions_is_not_no() -> None:
    for counts in ([], [0, 0]):
        said = judge_ctr(counts, counts, baseline=0.08, rule=RULE)
        assert said.verdict is Verdict.NOT_ENOUGH_DATA
        assert said.reason == "0 impressions in the window, 1000 needed"


@pytest.mark.parametrize("baseline", [None, 0.0])
def test_nothing_to_compare_with(baseline: float | None) -> None:
    said = judge_ctr([0], [5_000], baseline=baseline, rule=RULE)
    assert said.verdict is Verdict.NOT_ENOUGH_DATA
    assert said.reason == "no baseline CTR to compare with, and no floor set"
    assert said.baseline == 0.0


@pytest.mark.parametrize("baseline", [None, 0.0])
def test_a_floor_needs_no_baseline(baseline: float | None) -> None:
    rule = replace(RULE, floor=0.05)
    low = judge_ctr([40], [2_000], baseline=baseline, rule=rule)
    assert low.verdict is Verdict.YES
    assert low.reason.startswith("CTR 2.00%; at most 3.")
    assert low.reason.endswith("allowed 5.00%")
    assert judge_ctr([200], [2_000], baseline=baseline, rule=rule).verdict is Verdict.NO


def test_the_higher_bound_counts() -> None:
    rule = replace(RULE, floor=0.05)
    assert judge_ctr([1], [1_000], baseline=0.08, rule=rule).bound == pytest.approx(0.068)
    assert judge_ctr([1], [1_000], baseline=0.05, rule=rule).bound == 0.05


def test_not_a_single_click() -> None:
    said = judge_ctr([0], [2_000], baseline=0.05, rule=RULE)
    assert said.verdict is Verdict.YES
    assert "CTR 0.00%, 100% below 5.00%" in said.reason
