"""Slices: who they are, who has enough data, and who may not lose."""

from __future__ import annotations

import numpy as np
import pytest

from evergreen.domain.gate_rule import GateRule
from evergreen.domain.slices import (
    Level,
    judge_slices,
    levels_by_quantile,
    levels_by_value,
    missing_slice,
)


def names(levels: list[Level]) -> dict[str, int]:
    return {level.name: int(level.rows.sum()) for level in levels}


def test_values_with_the_rarest_in_one() -> None:
    values = [c for i, c in enumerate("abcdefghijklmnopqrstuv") for _ in range(30 - i)]
    found = levels_by_value("c", values)
    assert len(found) == 20
    assert names(found)["c=a"] == 30
    assert names(found)["c=other"] == 11 + 10 + 9  # t, u, v
    assert sum(names(found).values()) == len(values)
    assert np.sum([level.rows for level in found], axis=0).tolist() == [1] * len(values)


def test_unknown_values_are_a_level() -> None:
    assert names(levels_by_value("c", ["x", None])) == {"c=unknown": 1, "c=x": 1}


def test_quantiles_of_equal_size_and_unknown_ones() -> None:
    values = np.r_[np.arange(100.0), np.nan, np.nan]
    assert names(levels_by_quantile("p", values, parts=4)) == {
        "p q1": 25,
        "p q2": 25,
        "p q3": 25,
        "p q4": 25,
        "p unknown": 2,
    }


def test_a_value_that_most_share_is_in_one_part() -> None:
    assert names(levels_by_quantile("p", [0, 0, 0, 0, 0, 9], parts=4)) == {"p q1": 5, "p q4": 1}
    assert names(levels_by_quantile("p", [np.nan], parts=2)) == {"p unknown": 1}


def judged(losses: dict[str, tuple[float, int]], *, sd: float = 0.1) -> dict[str, GateRule]:
    """Judge slices whose page views gain or lose so much, each one ± sd, champion's metric 1."""
    change, text = [], []
    for name, (loss, views) in losses.items():
        change += [loss + (sd if i % 2 else -sd) for i in range(views)]
        text += [name] * views
    champion = np.ones(len(change))
    rules = judge_slices(
        levels_by_value("c", text),
        champion + change,
        champion,
        np.arange(len(change)),
        metric="ndcg@5",
        max_loss=0.05,
        alpha=0.05,
    )
    return {rule.subject: rule for rule in rules}


def test_three_answers() -> None:
    found = judged({"good": (0.02, 1_000), "bad": (-0.10, 1_000), "small": (0.0, 6)})
    assert {name: str(rule.verdict) for name, rule in found.items()} == {
        "c=good": "pass",
        "c=bad": "fail",
        "c=small": "not_enough_data",
    }
    bad = found["c=bad"]
    assert (bad.value, bad.bound, bad.rows) == (pytest.approx(-0.1), pytest.approx(-0.05), 1_000)
    assert bad.text.startswith(
        "slice c=bad: a loss is not ruled out: ndcg@5 -0.1000 (-10.0%), lower bound -0.10"
    )


def test_only_those_with_enough_data_share_the_error() -> None:
    """Two of twelve: the others' number does not make them stricter."""
    two = judged({"a": (0.0, 1_000), "b": (0.0, 900)})
    more = judged({"a": (0.0, 1_000), "b": (0.0, 900), **{f"t{i}": (0.0, 4) for i in range(10)}})
    assert more["c=a"].lower == two["c=a"].lower
    alone = judged({"a": (0.0, 1_000)})
    assert alone["c=a"].lower > two["c=a"].lower
    # t at 0.05/2 and 999 degrees of freedom is 1.9623; the error 0.1/sqrt(999)
    assert two["c=a"].lower == pytest.approx(-1.9623 * 0.1 / np.sqrt(999), rel=1e-4)


def test_a_slice_that_surely_loses_fails_with_little_data() -> None:
    assert judged({"a": (0.0, 1_000), "s": (-0.9, 6)})["c=s"].verdict == "fail"


def test_equal_models_pass_everywhere() -> None:
    assert {str(r.verdict) for r in judged({"a": (0.0, 9), "b": (0.0, 2)}, sd=0.0).values()} == {
        "pass"
    }


def test_a_slice_that_is_not_there_fails() -> None:
    found = missing_slice("country", "no page view has a value")
    assert (found.verdict, found.subject) == ("fail", "country")
    assert found.text == "slice country is asked for in gate.slices, but no page view has a value"
