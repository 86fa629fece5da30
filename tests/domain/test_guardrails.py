"""Guardrails: not proved to be spoiled is not enough, and too little data is said so."""

from __future__ import annotations

import numpy as np
import pytest

from evergreen.domain.cluster_estimate import Sums
from evergreen.domain.guardrails import (
    judge_calibration,
    judge_coverage,
    judge_latency,
    judge_log_loss,
    judge_unseen,
    unmeasured,
)


def sums(mean: float, *, clusters: int = 400, sd: float = 0.05) -> Sums:
    """Return clusters of ten rows whose means swing around one."""
    swing = np.where(np.arange(clusters) % 2, sd, -sd)
    return Sums(of=10 * (mean + swing), rows=np.full(clusters, 10.0))


def test_log_loss_may_rise_by_a_part_of_the_champions() -> None:
    before = sums(0.2)
    rules = [judge_log_loss(sums(m), before, max_rise=0.05, alpha=0.05) for m in (0.209, 0.211)]
    assert [str(rule.verdict) for rule in rules] == ["pass", "fail"]
    assert rules[0].bound == pytest.approx(0.01)
    assert rules[0].text == (
        "log loss holds: +0.0090, upper bound +0.0090, may rise by 0.0100 (4,000 rows, "
        "400 clusters)"
    )


def test_a_rise_that_data_cannot_rule_out() -> None:
    before = sums(0.2, sd=0.0)
    noisy = [sums(0.2, clusters=n, sd=0.05) for n in (10, 400)]
    found = [
        judge_log_loss(x, sums(0.2, clusters=x.of.size, sd=0.0), max_rise=0.05, alpha=0.05).verdict
        for x in noisy
    ]
    assert [str(v) for v in found] == ["not_enough_data", "pass"]
    empty = Sums(of=np.zeros(0), rows=np.zeros(0))
    assert judge_log_loss(empty, empty, max_rise=0.05, alpha=0.05).verdict == "not_enough_data"
    assert before.rows.sum() == 4_000


def test_calibration_and_unseen_items_may_rise_absolutely() -> None:
    for judge in (judge_calibration, judge_unseen):
        assert judge(sums(0.04), sums(0.03), max_rise=0.02, alpha=0.05).verdict == "pass"
        assert judge(sums(0.06), sums(0.03), max_rise=0.02, alpha=0.05).verdict == "fail"


@pytest.mark.parametrize(
    ("challenger", "champion", "said"),
    [(80, 100, "pass"), (79, 100, "fail"), (0, 0, "not_enough_data")],
)
def test_coverage(challenger: int, champion: int, said: str) -> None:
    rule = judge_coverage(challenger, champion, catalogue=1_000, min_ratio=0.8)
    assert rule.verdict == said
    assert rule.text.startswith(f"coverage: shows {challenger} of 1,000 items, the champion ")


@pytest.mark.parametrize(
    ("challenger", "champion", "said"),
    [
        (0.02, 0.01, "pass"),
        (0.021, 0.01, "fail"),
        (0.009, 0.001, "pass"),  # fast enough, whatever the ratio
        (0.009, None, "pass"),
        (0.011, None, "not_enough_data"),
        (None, 0.01, "not_enough_data"),
    ],
)
def test_latency(challenger: float | None, champion: float | None, said: str) -> None:
    assert judge_latency(challenger, champion, max_ratio=2, floor_s=0.01).verdict == said


def test_words_of_latency() -> None:
    assert judge_latency(0.03, 0.01, max_ratio=2, floor_s=0.01).text == (
        "latency: to score a page view takes 30.00 ms at p99, the champion 10.00 ms; must be 2 "
        "times that or less, or below 10 ms"
    )


def test_an_evaluation_without_it_says_what_to_do() -> None:
    found = unmeasured("coverage")
    assert found.verdict == "not_enough_data"
    assert "start the retraining again with --force" in found.text
