"""Probation at its borders, and how rarely a good champion fails it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import log

import numpy as np
import pytest
from made_users import MONDAY, hours_from

from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.carried import CarriedExpectation, carry_over
from evergreen.domain.probation import (
    ProbationJudgement,
    ProbationRule,
    judge_probation,
    probation_alarm,
)
from evergreen.domain.verdict import Verdict

RULE = ProbationRule(hours=72, false_rollbacks=0.01, min_drop=0.1, max_drop=0.15, confidence=0.999)
BASELINE = CtrBaseline(
    rate=0.10,
    shape=(1.0,) * 168,
    dispersion=1.0,
    rate_error=0.01,
    volume=(1_000.0,) * 168,
    impressions=168_000,
    hours=168,
)
KNOWN = CarriedExpectation(
    baseline=replace(BASELINE, rate_error=0.0), level=1.0, since="", clicks=1, impressions=1
)


def judge(
    clicks: list[int],
    impressions: list[int],
    expectation: CarriedExpectation | None = KNOWN,
    rule: ProbationRule = RULE,
) -> ProbationJudgement:
    hours = hours_from(MONDAY, len(clicks))
    return judge_probation(hours, clicks, impressions, expectation=expectation, rule=rule)


def test_the_level_is_the_old_champion_s_own() -> None:
    """It earned 6 % where its profile expected 10 %, in each of the last 168 hours."""
    hours = hours_from(MONDAY, 168)
    carried = carry_over(
        BASELINE, hours, [60] * 168, [1_000] * 168, switched=MONDAY + timedelta(days=7)
    )
    assert carried is not None
    assert (carried.level, carried.baseline.rate) == (pytest.approx(0.6), pytest.approx(0.06))
    assert carried.baseline.shape == BASELINE.shape
    assert carried.baseline.expected(hours[:1])[0] == pytest.approx(0.06)


def test_the_error_of_the_level_is_that_of_its_clicks() -> None:
    """sqrt(dispersion (1 - p) / clicks): 100 clicks of 1,000 in one hour."""
    carried = carry_over(BASELINE, [MONDAY], [100], [1_000], switched=MONDAY + timedelta(hours=1))
    assert carried is not None
    assert carried.baseline.rate_error == pytest.approx((0.9 / 100) ** 0.5)
    assert (carried.clicks, carried.impressions) == (100, 1_000)


def test_a_champion_that_fell_in_the_last_day_is_carried_over_fallen() -> None:
    hours = hours_from(MONDAY, 168)
    clicks = [100] * 144 + [50] * 24
    carried = carry_over(
        BASELINE, hours, clicks, [1_000] * 168, switched=MONDAY + timedelta(days=7)
    )
    assert carried is not None
    assert (carried.level, carried.since) == (pytest.approx(0.5), "2024-01-07T00")


def test_a_window_with_few_effective_clicks_does_not_count() -> None:
    switched = MONDAY + timedelta(hours=1)
    assert carry_over(BASELINE, [MONDAY], [24], [1_000], switched=switched) is None
    noisy = replace(BASELINE, dispersion=2.0)
    assert carry_over(noisy, [MONDAY], [49], [2_000], switched=switched) is None
    assert carry_over(noisy, [MONDAY], [50], [2_000], switched=switched) is not None
    assert carry_over(BASELINE, [], [], [], switched=switched) is None


def test_a_short_window_needs_more_clicks_than_the_week() -> None:
    """The last day fell to a half, but its 99 clicks are too few to go by."""
    hours = [MONDAY + timedelta(days=d) for d in range(7)]
    clicks, switched = [200] * 6 + [99], MONDAY + timedelta(days=7)
    carried = carry_over(BASELINE, hours, clicks, [2_000] * 7, switched=switched)
    assert carried is not None
    assert (carried.since, carried.level) == ("2024-01-05T00", pytest.approx(499 / 600))
    clicks[-1] = 100
    carried = carry_over(BASELINE, hours, clicks, [2_000] * 7, switched=switched)
    assert carried is not None
    assert (carried.since, carried.level) == ("2024-01-07T00", pytest.approx(0.5))


def test_hours_from_the_switch_on_do_not_count() -> None:
    hours = hours_from(MONDAY, 2)
    carried = carry_over(
        BASELINE, hours, [100, 0], [1_000, 1_000], switched=MONDAY + timedelta(hours=1)
    )
    assert carried is not None
    assert carried.level == pytest.approx(1.0)


def test_level_allowance_and_weights() -> None:
    """-log(0.01) = 4.605; drops within the allowance, one standard error, have no weight."""
    carried = replace(KNOWN, baseline=replace(BASELINE, rate_error=0.12))
    alarm = probation_alarm(carried, RULE)
    assert alarm.level == pytest.approx(-log(0.01))
    assert alarm.allowance == pytest.approx(0.12)
    assert alarm.drops == (0.1, 0.15, 0.25, 0.4, 0.5, 0.75, 0.9)
    assert alarm.weights == (0.0, *(pytest.approx(1 / 6),) * 6)


def test_an_equal_champion_passes_and_a_broken_one_fails() -> None:
    equal, broken = judge([100] * 6, [1_000] * 6), judge([20], [1_000])
    assert (equal.verdict, equal.expected) == (Verdict.NO, pytest.approx(0.10))
    assert broken.verdict is Verdict.YES
    assert broken.reason.startswith(
        "CTR 2.00% in 1 hours on trial, the old champion's would be 10.00% (-80%), at least "
        "10.00%; evidence "
    )
    assert "allowed 8.50%" in broken.reason
    assert broken.drop == 0.75
    assert broken.evidence is not None
    assert broken.evidence > broken.level


def test_the_plain_rule_alone_fails_it() -> None:
    """One hour of 6.5 % for 10 %: the upper bound is below 9.5 %, the evidence below its level."""
    calm = replace(RULE, false_rollbacks=0.001)
    said = judge([65], [1_000], rule=replace(calm, max_drop=0.05))
    assert said.evidence is not None
    assert said.evidence < said.level
    assert said.ctr.upper < 0.095
    assert said.verdict is Verdict.YES
    assert judge([65], [1_000], rule=calm).verdict is Verdict.NO


def test_too_little_data_is_no_failure() -> None:
    few = judge([0], [199])
    assert few.verdict is Verdict.NOT_ENOUGH_DATA
    assert few.reason == ("199 impressions on trial, of which 20 clicks are expected, 20 needed")
    assert judge([0], [200]).verdict is Verdict.YES
    assert judge([], []).verdict is Verdict.NOT_ENOUGH_DATA
    assert judge([0, 0], [0, 0]).verdict is Verdict.NOT_ENOUGH_DATA


def test_without_an_expectation_nothing_is_said() -> None:
    said = judge([0], [10_000], expectation=None)
    assert said.verdict is Verdict.NOT_ENOUGH_DATA
    assert "is not known" in said.reason
    assert (said.expected, said.carried, said.evidence) == (None, None, None)


def failed(factor: float, *, trials: int, dispersion: float = 5.0) -> float:
    """Return the share of simulated trials of 72 hours in which a champion that earns `factor`
    times its predecessor fails at any hour."""
    rng, volume = np.random.default_rng(7), 1_000
    base = replace(BASELINE, dispersion=dispersion)
    before, on = hours_from(MONDAY, 168), hours_from(MONDAY + timedelta(days=7), 72)

    def clicks(count: int, rate: float) -> np.ndarray:
        return dispersion * rng.poisson(volume * rate / dispersion, count)

    fails = 0
    for _ in range(trials):
        expectation = carry_over(base, before, clicks(168, 0.1), [volume] * 168, switched=on[0])
        earned = clicks(72, 0.1 * factor)
        fails += any(
            judge_probation(
                on[:hours],
                earned[:hours],
                [volume] * hours,
                expectation=expectation,
                rule=RULE,
            ).verdict
            is Verdict.YES
            for hours in (1, 2, 4, 8, 12, 24, 36, 48, 60, 72)
        )
    return fails / trials


def test_a_champion_as_good_as_its_predecessor_fails_in_one_trial_of_a_hundred_at_most() -> None:
    assert failed(1.0, trials=400) <= 0.01


def test_one_that_earns_half_fails() -> None:
    assert failed(0.5, trials=50) == 1.0
