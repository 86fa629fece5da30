"""Off-policy estimates against numbers worked out by hand, and against a simulation's truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evergreen.domain.off_policy import (
    cross_fitted_rates,
    default_clip,
    evaluate_policy,
    off_policy_rule,
)
from evergreen.domain.verdict import Verdict

R, P, PI = [1, 0, 0, 1], [0.5, 0.25, 0.5, 0.25], [0.25, 0.5, 0.25, 0.5]  # weights 1/2, 2, 1/2, 2


def test_by_hand() -> None:
    said = evaluate_policy(R, P, PI, range(4), clip=10, min_effective_sample=2)
    assert said.ips.value == (0.5 + 2) / 4
    assert said.snips.value == (0.5 + 2) / 5
    assert said.logged.value == 0.5
    assert said.effective_sample == 25 / 8.5
    assert (said.mean_weight, said.clipped_share, said.clip) == (1.25, 0.0, 10.0)
    # residuals of IPS: (w r - 0.625)/4 = (-0.125, -0.625, -0.625, 1.375)/4
    error = math.sqrt(4 / 3 * (0.125**2 + 2 * 0.625**2 + 1.375**2) / 16)
    assert said.ips.standard_error == pytest.approx(error, rel=1e-12)
    assert said.ips.upper == pytest.approx(0.625 + 3.182446305284263 * error)  # t, 3 degrees
    # of SNIPS: w (r - 0.5)/5 = (0.25, -1, -0.25, 1)/5
    assert said.snips.standard_error == pytest.approx(math.sqrt(4 / 3 * 2.125 / 25), rel=1e-12)


def test_doubly_robust_by_hand() -> None:
    q, q_pi = [0.5, 0.25, 0.5, 0.25], [0.3, 0.3, 0.4, 0.4]
    said = evaluate_policy(R, P, PI, range(4), q_logged=q, q_target=q_pi, clip=10)
    assert said.doubly_robust is not None
    # 0.3 + 0.5*0.5, 0.3 - 2*0.25, 0.4 - 0.5*0.5, 0.4 + 2*0.75
    assert said.doubly_robust.value == pytest.approx((0.55 - 0.2 + 0.15 + 1.9) / 4)
    assert evaluate_policy(R, P, PI, range(4)).doubly_robust is None


def test_weights_are_clipped_and_said_to_be() -> None:
    said = evaluate_policy(R, P, PI, range(4), clip=1)
    assert (said.ips.value, said.clipped_share, said.mean_weight) == (1.5 / 4, 0.5, 0.75)
    assert evaluate_policy(R, P, PI, range(4)).clip == default_clip(4) == 2.0


def test_the_log_s_own_policy_is_its_own_ctr_exactly() -> None:
    rng = np.random.default_rng(7)
    clicked, logged = rng.random(5_000) < 0.05, rng.uniform(1e-6, 1, 5_000)
    said = evaluate_policy(clicked, logged, logged, rng.integers(0, 900, 5_000))
    assert said.ips == said.snips == said.logged
    assert said.logged.value == clicked.mean()
    assert said.effective_sample == 5_000
    assert (said.gain.value, said.gain.lower, said.gain.upper) == (0.0, 0.0, 0.0)


def test_rows_of_a_cluster_count_once() -> None:
    """Every row twice in one cluster: the same estimate, the same error."""
    once = evaluate_policy(R, P, PI, range(4), clip=10)
    twice = evaluate_policy(R * 2, P * 2, PI * 2, [*range(4), *range(4)], clip=10)
    assert (twice.rows, twice.clusters) == (8, 4)
    for name in ("ips", "snips", "gain"):
        assert getattr(twice, name).standard_error == pytest.approx(
            getattr(once, name).standard_error
        )


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng, rates = np.random.default_rng(11), np.array([0.02, 0.05, 0.1, 0.2])
    logs, wants = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    truth, held = float(wants @ rates), {"ips": 0, "snips": 0, "doubly_robust": 0}
    for _ in range(400):
        item = rng.choice(4, 3_000, p=logs)
        clicked = rng.random(3_000) < rates[item]
        q = cross_fitted_rates(clicked, item, np.arange(3_000) % 2, cells=4)
        fold = np.arange(3_000) % 2
        said = evaluate_policy(
            clicked,
            logs[item],
            wants[item],
            np.arange(3_000),
            q_logged=q[fold, item],
            q_target=(q @ wants)[fold],
        )
        for name in held:
            held[name] += getattr(said, name).lower <= truth <= getattr(said, name).upper
    assert all(370 <= count <= 392 for count in held.values()), held  # 380, 2.3 deviations


def test_too_little_overlap_is_refused_in_words() -> None:
    pi = [1e-4] * 999 + [1.0]
    said = evaluate_policy([0] * 1_000, [0.5] * 1_000, pi, range(1_000), clip=1e9)
    assert said.verdict is Verdict.NOT_ENOUGH_DATA
    assert said.effective_sample == pytest.approx(1.0999**2 / (1 + 999e-8))
    assert said.text.startswith("effective sample of 1 of 1,000 impressions, 500 needed: the log ")
    assert str(off_policy_rule(said).verdict) == "not_enough_data"


def test_a_policy_that_the_log_never_shows() -> None:
    said = evaluate_policy(R, P, [0] * 4, range(4))
    assert said.ips.value == 0.0
    assert math.isnan(said.snips.value)
    assert (said.effective_sample, said.verdict) == (0.0, Verdict.NOT_ENOUGH_DATA)


@pytest.mark.parametrize(
    ("better", "verdict"), [(0.2, "pass"), (0.05, "fail"), (0.1, "not_enough_data")]
)
def test_the_gate_s_rule(better: float, verdict: str) -> None:
    """Two items, shown evenly; the policy shows only the first, which earns `better`."""
    n = 4_000
    item, clicked = np.arange(n) % 2, np.zeros(n, bool)
    clicked[: int(n * better) : 2] = True  # first item
    clicked[1 : int(n * 0.1) : 2] = True  # second item: 10 %
    said = evaluate_policy(clicked, np.full(n, 0.5), item == 0, np.arange(n))
    rule = off_policy_rule(said)
    assert (rule.name, rule.bound, rule.rows) == ("off_policy", 0.0, n)
    assert str(rule.verdict) == verdict
    assert said.snips.value == pytest.approx(better)


@pytest.mark.parametrize(
    ("logged", "target", "text"),
    [([0.0], [1.0], "propensities"), ([0.5], [1.5], "probabilities"), ([], [], "no impressions")],
)
def test_what_cannot_be_used(logged: list[float], target: list[float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        evaluate_policy([0] * len(logged), logged, target, range(len(logged)))
