"""The gate's three verdicts and the words people read."""

from __future__ import annotations

from math import inf, nan

import pytest
from made_gate import estimate, rule

from evergreen.domain.cluster_estimate import ClusterEstimate
from evergreen.domain.gate import (
    GateVerdict,
    blocked_rule,
    decide,
    fresh_champion_rule,
    size_rule,
)
from evergreen.domain.gate_rule import GateRule, RuleVerdict, non_inferior

ALL = ("size", "gain", "baseline", "power", "slice", "log_loss", "data", "fresh_champion")


def decided(**changed: str) -> tuple[GateVerdict, tuple[str, ...]]:
    said = decide([rule(name, changed.get(name, "pass")) for name in ALL])
    assert [r.name for r in said.rules] == list(ALL)
    return said.verdict, said.reasons


def test_all_pass() -> None:
    assert decided() == (GateVerdict.PROMOTE, ("gain pass", "baseline pass"))


@pytest.mark.parametrize("name", [n for n in ALL if n not in ("size", "power")])
def test_one_that_fails_holds(name: str) -> None:
    assert decided(**{name: "fail"}) == (GateVerdict.HOLD, (f"{name} fail",))


@pytest.mark.parametrize("name", ["power", "slice", "log_loss", "data"])
def test_what_cannot_be_told_does_not_hold(name: str) -> None:
    assert decided(**{name: "not_enough_data"})[0] is GateVerdict.PROMOTE


def test_a_gain_that_is_open_is_inconclusive_and_says_what_it_would_take() -> None:
    assert decided(gain="not_enough_data", power="not_enough_data") == (
        GateVerdict.INCONCLUSIVE,
        ("gain not_enough_data", "power not_enough_data"),
    )
    assert decided(gain="not_enough_data", slice="fail") == (GateVerdict.HOLD, ("slice fail",))


def test_too_few_page_views_say_nothing_of_other_rules() -> None:
    small = size_rule(499, 500)
    said = decide([small, rule("gain", "fail")])
    assert said.verdict is GateVerdict.INCONCLUSIVE
    assert said.reasons == ("holdout has 499 page views, 500 needed",)
    assert size_rule(500, 500).verdict is RuleVerdict.PASS


def test_a_blocked_version_is_held_whatever_the_data() -> None:
    assert blocked_rule(4, frozenset({3})) is None
    blocked = blocked_rule(3, frozenset({3}))
    assert blocked is not None
    said = decide([size_rule(1, 500), blocked])
    assert said.verdict is GateVerdict.HOLD
    assert said.reasons == (
        "version 3 was champion and failed its probation; it may not come back",
    )


def test_the_champion_must_be_the_one_that_was_compared() -> None:
    assert fresh_champion_rule(2, 2).verdict is RuleVerdict.PASS
    assert fresh_champion_rule(None, None).verdict is RuleVerdict.PASS
    stale = fresh_champion_rule(2, 3)
    assert stale.verdict is RuleVerdict.FAIL
    assert stale.text == (
        "compared with version 2, but now there is version 3: evaluate against that one"
    )
    assert "now there is no champion" in fresh_champion_rule(1, None).text


def test_json_knows_neither_nan_nor_infinity() -> None:
    found = GateRule(
        name="gain", verdict=RuleVerdict.FAIL, text="", value=nan, lower=-inf, upper=0.5
    ).to_json()
    assert (found["value"], found["lower"], found["upper"]) == (None, None, 0.5)
    assert set(found) == {
        *("name", "subject", "value", "lower", "upper", "bound"),
        *("rows", "clusters", "verdict", "text"),
    }


def inferior(change: ClusterEstimate, *, higher: bool = True) -> str:
    return str(non_inferior(change, margin=0.05, alpha=0.05, higher_is_better=higher))


# At alpha 5 % the bound is 1.645 errors away; equal models pass in 80 % of cases up to an error of
# 0.05/(1.645 + 0.842) = 0.0201.
@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (0.0, 0.0201, "pass"),
        (-0.05 + 1.65 * 0.01, 0.01, "pass"),
        (-0.05 + 1.64 * 0.01, 0.01, "fail"),
        (-0.03, 0.0201, "fail"),
        (-0.03, 0.0202, "not_enough_data"),
        (0.0, 0.5, "not_enough_data"),
        (-0.90, 0.5, "fail"),  # even the upper bound, -0.08, is a loss beyond the margin
        (0.9, 0.5, "pass"),
        (nan, nan, "not_enough_data"),
        (0.0, inf, "not_enough_data"),
    ],
)
def test_non_inferiority_has_three_answers(value: float, error: float, said: str) -> None:
    assert inferior(estimate(value, error)) == said
    assert inferior(estimate(-value, error), higher=False) == said
