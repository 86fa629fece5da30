"""The gate's three verdicts and the words people read."""

from __future__ import annotations

from math import inf, nan

import pytest

from evergreen.domain.bootstrap import MeanInterval
from evergreen.domain.gate import GateDecision, GatePolicy, GateVerdict, judge_challenger

POLICY = GatePolicy(metric="ndcg@5", min_gain=0.0, min_page_views=500)
GOOD = (0.02, 0.01, 0.03)
SAME = (0.0, 0.0, 0.0)


def of(bounds: tuple[float, float, float], rows: int = 1_200) -> MeanInterval:
    value, lower, upper = bounds
    return MeanInterval(
        value=value, lower=lower, upper=upper, rows=rows, clusters=300, resamples=2_000
    )


def judge(
    gain: tuple[float, float, float] | None,
    baseline: tuple[float, float, float] = GOOD,
    rows: int = 1_200,
    policy: GatePolicy = POLICY,
) -> GateDecision:
    return judge_challenger(
        gain=None if gain is None else of(gain, rows),
        baseline_gain=of(baseline, rows),
        policy=policy,
    )


def test_better_than_both() -> None:
    said = judge(GOOD)
    assert said.verdict is GateVerdict.PROMOTE
    assert [rule.name for rule in said.rules] == ["size", "gain", "baseline"]
    assert all(rule.passed for rule in said.rules)
    assert said.reasons == (
        "better than the champion: ndcg@5 +0.0200, interval +0.0100 to +0.0300, must lie above 0 "
        "(1,200 page views, 300 clusters)",
        "better than the popularity: ndcg@5 +0.0200, interval +0.0100 to +0.0300, must lie above 0 "
        "(1,200 page views, 300 clusters)",
    )


def test_the_first_champion_needs_only_the_baseline() -> None:
    said = judge(None)
    assert said.verdict is GateVerdict.PROMOTE
    assert [rule.name for rule in said.rules] == ["size", "baseline"]
    assert judge(None, baseline=SAME).verdict is GateVerdict.HOLD


@pytest.mark.parametrize(
    "gain",
    [
        SAME,
        (0.01, 0.0, 0.02),  # a lower bound of exactly 0 is not above it
        (0.01, -0.001, 0.02),
        (-0.02, -0.03, -0.01),
        (0.5, -inf, inf),  # one cluster
        (nan, nan, nan),  # nothing that counts
    ],
)
def test_not_proved(gain: tuple[float, float, float]) -> None:
    said = judge(gain)
    assert said.verdict is GateVerdict.HOLD
    assert len(said.reasons) == 1
    assert said.reasons[0].startswith("not proved better than the champion: ndcg@5 ")


def test_worse_than_popularity() -> None:
    said = judge(GOOD, baseline=(-0.01, -0.02, 0.0))
    assert said.verdict is GateVerdict.HOLD
    assert [r.partition(":")[0] for r in said.reasons] == ["not proved better than the popularity"]


def test_a_minimum_gain_is_asked_over_the_champion_only() -> None:
    policy = GatePolicy(metric="hit@5", min_gain=0.015, min_page_views=500)
    held = judge((0.02, 0.014, 0.03), policy=policy)
    assert held.verdict is GateVerdict.HOLD
    assert "must lie above 0.015" in held.reasons[0]
    assert judge((0.02, 0.016, 0.03), baseline=GOOD, policy=policy).verdict is GateVerdict.PROMOTE


def test_too_few_page_views_prove_nothing() -> None:
    said = judge(GOOD, rows=499)
    assert said.verdict is GateVerdict.INCONCLUSIVE
    assert said.reasons == ("holdout has 499 page views, 500 needed",)
    assert judge(GOOD, rows=500).verdict is GateVerdict.PROMOTE
    assert judge(None, (nan, nan, nan), rows=0).verdict is GateVerdict.INCONCLUSIVE
