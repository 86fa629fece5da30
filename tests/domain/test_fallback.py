"""The fallback rule at its borders."""

from __future__ import annotations

from evergreen.domain.fallback import FallbackJudgement, judge_fallback
from evergreen.domain.verdict import Verdict


def judge(fallback: list[int], impressions: list[int]) -> FallbackJudgement:
    return judge_fallback(
        fallback, impressions, max_share=0.1, confidence=0.999, min_impressions=200
    )


def test_surely_above() -> None:
    said = judge([60, 60], [200, 200])
    assert said.verdict is Verdict.YES
    # Wilson at z = 3.0902 with 400 trials of 0.3: 23.5 %
    assert said.reason == "30.0% of impressions are fallback, at least 23.5%; allowed 10.0%"


def test_above_but_not_surely() -> None:
    said = judge([24], [200])
    assert said.share.lower < 0.1 < said.share.value
    assert said.verdict is Verdict.NO
    assert said.reason == "12.0% of impressions are fallback; allowed 10.0%"


def test_exactly_the_allowed_share() -> None:
    assert judge([100_000], [1_000_000]).verdict is Verdict.NO


def test_all_and_none() -> None:
    assert judge([200], [200]).verdict is Verdict.YES
    assert judge([0], [200]).verdict is Verdict.NO


def test_too_little_or_nothing() -> None:
    assert judge([199], [199]).verdict is Verdict.NOT_ENOUGH_DATA
    assert judge([199], [199]).reason == "199 impressions in the window, 200 needed"
    assert judge([], []).verdict is Verdict.NOT_ENOUGH_DATA
