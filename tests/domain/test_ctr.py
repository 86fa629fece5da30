"""The CTR sensor at its borders, and the words it answers with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import log

import numpy as np
import pytest
from made_users import MONDAY, hours_from

from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.ctr import CtrJudgement, CtrRule, judge_ctr
from evergreen.domain.detector import Alarm, evidence, log_ratios
from evergreen.domain.verdict import Verdict

YES, NO, UNSURE = Verdict.YES, Verdict.NO, Verdict.NOT_ENOUGH_DATA
RULE = CtrRule(
    max_drop=0.15, floor=None, confidence=0.999, min_impressions=1_000, min_hour_impressions=30
)
BASELINE = CtrBaseline(
    rate=0.08,
    shape=(1.0,) * 168,
    dispersion=1.0,
    rate_error=0.01,
    volume=(1_000.0,) * 168,
    impressions=168_000,
    hours=168,
)
ALARM = Alarm(
    drops=(0.1, 0.25), weights=(0.5, 0.5), allowance=0.0, level=9.0, false_alarms_per_year=0.75
)
NEVER = replace(ALARM, level=1e9)
START = MONDAY


def judge(
    clicks: list[int],
    impressions: list[int],
    *,
    rule: CtrRule = RULE,
    baseline: CtrBaseline | None = BASELINE,
    alarm: Alarm | None = NEVER,
    window_after: int = 0,
    evidence_after: int = 0,
) -> CtrJudgement:
    return judge_ctr(
        hours_from(START, len(clicks)),
        clicks,
        impressions,
        window_start=START + timedelta(hours=window_after),
        evidence_start=START + timedelta(hours=evidence_after),
        baseline=baseline,
        alarm=alarm if baseline else None,
        rule=rule,
    )


def test_the_plain_rule() -> None:
    said = judge([40, 40], [1_000, 1_000])
    assert said.verdict is YES
    assert said.bound == pytest.approx(0.068)
    assert (said.ctr.value, said.expected) == (0.04, pytest.approx(0.08))
    # Wilson at z = 3.0902 with 2,000 trials: 5.59 %
    assert said.reason.startswith("CTR 4.00%, expected 8.00% (-50%); evidence ")
    assert said.reason.endswith("; at most 5.59%, allowed 6.80%")


def test_below_but_not_surely() -> None:
    said = judge([60], [1_000], alarm=None)
    assert said.ctr.value < said.bound < said.ctr.upper
    assert (said.verdict, said.reason) == (NO, "CTR 6.00%, expected 8.00% (-25%)")


def test_evidence_alarms_where_the_plain_rule_does_not() -> None:
    clicks, impressions = [70] * 20, [1_000] * 20  # 12.5 % less, 15 % allowed
    said = judge(clicks, impressions, alarm=ALARM)
    ratios = log_ratios(clicks, impressions, [0.08] * 20, drops=ALARM.drops, dispersion=1.0)
    by_hand = evidence(ratios, alarm=ALARM)
    assert said.ctr.upper > said.bound
    assert said.verdict is YES
    assert said.evidence == pytest.approx(by_hand.value)
    assert said.evidence is not None
    assert said.evidence > 9.0 == said.level
    assert said.reason == (
        f"CTR 7.00%, expected 8.00% (-12%); evidence {by_hand.value:.1f}, alarm at 9.0"
    )
    assert (said.drop, said.since) == (0.1, "2024-01-01T00")
    calm = judge(clicks, impressions, alarm=replace(ALARM, level=by_hand.value))
    assert calm.verdict is NO  # it must lie above the level


def test_a_thin_newest_hour_never_alarms() -> None:
    clicks, impressions = [70] * 20, [1_000] * 20
    strong = judge([*clicks, 0], [*impressions, 29], alarm=ALARM)
    assert strong.evidence is not None
    assert strong.evidence > 9.0
    assert strong.verdict is UNSURE
    assert strong.reason == "29 mature impressions in the newest hour, 30 needed"
    assert judge([*clicks, 0], [*impressions, 30], alarm=ALARM).verdict is YES
    low = judge([40, 40, 0], [1_000, 1_000, 0])  # the plain rule is silent as well
    assert low.reason == "0 mature impressions in the newest hour, 30 needed"


def test_a_thin_hour_adds_evidence() -> None:
    before, after = (
        judge([70] * 20 + more, [1_000] * 20 + shown, alarm=ALARM).evidence
        for more, shown in (([], []), ([0], [29]))
    )
    assert before is not None
    assert after is not None
    assert after > before


def test_closed_hours_are_as_if_they_were_not_there() -> None:
    closed = judge([70, 0, 0, 70], [1_000, 0, 0, 1_000], alarm=ALARM)
    assert closed.verdict is NO
    ratios = log_ratios([70] * 2, [1_000] * 2, [0.08] * 2, drops=ALARM.drops, dispersion=1.0)
    assert closed.evidence == pytest.approx(evidence(ratios, alarm=ALARM).value)
    assert closed.ctr.clusters == 2


def test_since_when_with_closed_hours_before_it() -> None:
    clicks = [80, 80, 0, 0, 40, 40, 40]
    said = judge(clicks, [1_000, 1_000, 0, 0, 1_000, 1_000, 1_000], alarm=ALARM)
    assert (said.since, said.drop) == ("2024-01-01T04", 0.25)
    assert said.ctr_since == pytest.approx(0.04)
    assert said.expected_since == pytest.approx(0.08)


def test_evidence_counts_from_its_start() -> None:
    clicks, impressions = [70] * 20 + [80] * 4, [1_000] * 24
    whole = judge(clicks, impressions, alarm=ALARM)
    late = judge(clicks, impressions, alarm=ALARM, evidence_after=20)
    alone = judge([80] * 4, [1_000] * 4, alarm=ALARM)
    assert whole.verdict is YES
    assert late.verdict is NO
    assert late.evidence == pytest.approx(alone.evidence)
    assert late.since is not None
    assert late.since >= "2024-01-01T20"
    assert late.ctr.trials == 24_000  # the window has its own start
    nothing = judge(clicks, impressions, alarm=ALARM, evidence_after=24)
    assert (nothing.evidence, nothing.since, nothing.verdict) == (None, None, NO)


def test_the_window_has_its_start() -> None:
    said = judge([0] * 10 + [80] * 2, [1_000] * 12, window_after=10)
    assert (said.ctr.value, said.ctr.trials, said.verdict) == (0.08, 2_000, NO)


def test_the_expected_ctr_follows_the_hours_of_the_window() -> None:
    shape = tuple(0.5 if hour % 24 < 12 else 1.5 for hour in range(168))
    rhythm = replace(BASELINE, shape=shape)
    night = judge([40] * 12, [1_000] * 12, baseline=rhythm, alarm=ALARM)
    assert night.expected == pytest.approx(0.04)
    assert night.verdict is NO
    assert judge([40] * 12, [1_000] * 12, alarm=ALARM).verdict is YES


def test_dispersion_makes_it_less_sure() -> None:
    bunched = replace(BASELINE, dispersion=20.0)
    assert judge([50] * 2, [1_000] * 2).verdict is YES
    said = judge([50] * 2, [1_000] * 2, baseline=bunched)
    assert (said.verdict, said.ctr.design_effect, said.dispersion) == (NO, 20.0, 20.0)


def test_hours_that_differ_make_the_same_counts_less_sure() -> None:
    assert judge([100], [2_000]).verdict is YES
    assert judge([100, 0, 0, 0], [500] * 4).verdict is NO


def test_one_impression_too_few() -> None:
    said = judge([0], [999], alarm=ALARM)
    assert said.verdict is UNSURE
    assert said.reason == "999 impressions in the window, 1000 needed"
    assert judge([0], [1_000]).verdict is YES


def test_no_impressions_is_not_no() -> None:
    for counts in ([], [0, 0]):
        said = judge(counts, counts, alarm=ALARM)
        assert said.verdict is UNSURE
        assert said.reason == "0 mature impressions in the newest hour, 30 needed"
        assert np.isnan(said.ctr.value)
        assert (said.expected, said.evidence, said.since) == (None, None, None)


def test_nothing_to_compare_with() -> None:
    said = judge([0], [5_000], baseline=None)
    assert said.verdict is UNSURE
    assert said.reason == "no baseline CTR to compare with, and no floor set"
    assert (said.expected, said.bound, said.evidence, said.level) == (None, 0.0, None, None)


def test_a_floor_needs_no_baseline() -> None:
    rule = replace(RULE, floor=0.05)
    low = judge([40], [2_000], baseline=None, rule=rule)
    assert low.verdict is YES
    assert low.reason.startswith("CTR 2.00%; at most 3.")
    assert low.reason.endswith("allowed 5.00%")
    assert judge([200], [2_000], baseline=None, rule=rule).verdict is NO


def test_the_higher_bound_counts() -> None:
    rule = replace(RULE, floor=0.05)
    assert judge([1], [1_000], rule=rule).bound == pytest.approx(0.068)
    low = replace(BASELINE, rate=0.05)
    assert judge([1], [1_000], baseline=low, rule=rule).bound == 0.05


def test_not_a_single_click_and_nothing_but_clicks() -> None:
    none = judge([0], [2_000], alarm=ALARM)
    assert none.verdict is YES
    assert "CTR 0.00%, expected 8.00% (-100%)" in none.reason
    assert none.evidence is not None
    per_drop = [2_000 * log((1 - (1 - d) * 0.08) / 0.92) for d in ALARM.drops]
    assert none.evidence == pytest.approx(np.logaddexp(*per_drop) - log(2))
    every = judge([2_000], [2_000], alarm=ALARM)
    assert every.verdict is NO
    assert every.ctr.value == 1.0
    assert every.evidence is not None
    assert every.evidence < -100
