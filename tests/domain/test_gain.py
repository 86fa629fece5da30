"""Whether a gain is proved, and what it would take."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from made_gate import estimate

from evergreen.domain.bootstrap import bootstrap_mean
from evergreen.domain.cluster_estimate import estimate_mean
from evergreen.domain.gain import (
    Gain,
    Power,
    ahead_rule,
    gain_rule,
    paired_gain,
    power_of,
    power_rule,
)
from evergreen.domain.gate_rule import GateRule

ENOUGH = Power(wanted_gain=0.03, page_views=1_000, needed_page_views=900)
SMALL = Power(wanted_gain=0.03, page_views=1_000, needed_page_views=5_000)


def gain(value: float, lower: float, upper: float, clusters: int = 500) -> Gain:
    return Gain(
        estimate=estimate(value, 0.01, clusters=clusters),
        lower=lower,
        upper=upper,
        alpha=0.025,
        reference=0.1,
    )


def said(of: Gain, power: Power | None, min_gain: float = 0.0) -> GateRule:
    return gain_rule("gain", "the champion", of, metric="ndcg@5", min_gain=min_gain, power=power)


@pytest.mark.parametrize("power", [ENOUGH, SMALL, None])
def test_proved(power: Power | None) -> None:
    found = said(gain(0.02, 0.01, 0.03), power)
    assert found.verdict == "pass"
    assert found.text == (
        "better than the champion: ndcg@5 +0.0200 (+20.0%), 95 % interval +0.0100 to +0.0300, must "
        "lie above 0 (1,000 page views, 500 clusters)"
    )


@pytest.mark.parametrize(
    ("bounds", "large", "small"),
    [
        ((0.0, 0.0, 0.0), "fail", "fail"),
        ((0.01, 0.0, 0.02), "fail", "not_enough_data"),  # 0 is not above 0
        ((0.01, -0.001, 0.02), "fail", "not_enough_data"),
        ((-0.02, -0.03, -0.01), "fail", "fail"),
        ((nan, nan, nan), "fail", "not_enough_data"),
    ],
)
def test_not_proved(bounds: tuple[float, float, float], large: str, small: str) -> None:
    assert said(gain(*bounds), ENOUGH).verdict == large
    assert said(gain(*bounds), SMALL).verdict == small


def test_words_of_a_loss() -> None:
    assert said(gain(-0.02, -0.03, -0.01), SMALL).text.startswith("worse than the champion: ")
    assert said(gain(0.0, -0.01, 0.01), SMALL).text.startswith("not proved better than the ")


def test_one_cluster_is_not_enough_data() -> None:
    assert said(gain(0.5, -inf, inf, clusters=1), ENOUGH).verdict == "not_enough_data"


def test_a_least_gain() -> None:
    assert said(gain(0.02, 0.014, 0.03), ENOUGH, min_gain=0.015).verdict == "fail"
    assert said(gain(0.02, 0.016, 0.03), ENOUGH, min_gain=0.015).verdict == "pass"


def test_how_many_page_views_by_hand() -> None:
    """1,000 ((1.95996 + 1.28155) 0.01/0.003)² = 116,749; of a least gain of 0.001, 262,685."""
    found = gain(0.0, -0.02, 0.02)
    power = power_of(found, wanted_gain=0.03, min_gain=0.0)
    assert power.needed_page_views == pytest.approx(116_749, abs=2)
    assert not power.enough
    least = power_of(found, wanted_gain=0.03, min_gain=0.001)
    assert least.needed_page_views == pytest.approx(262_685, abs=4)
    text = power_rule(power).text
    assert text.startswith("would need 115,7")
    assert text.endswith("more page views than these 1,000 to find a gain of 3.0% with 90% power")


def test_no_number_of_page_views() -> None:
    one = Gain(estimate=estimate(0.1, inf), lower=-inf, upper=inf, alpha=0.025, reference=0.1)
    for power in (
        power_of(one, wanted_gain=0.03, min_gain=0.0),
        power_of(gain(0.0, 0.0, 0.0), wanted_gain=0.03, min_gain=0.003),
    ):
        assert (power.needed_page_views, power.enough) == (None, False)
        assert power_rule(power).text == (
            "no number of page views like these 1,000 would find a gain of 3.0%"
        )
        assert power_rule(power).verdict == "not_enough_data"


def test_the_power_that_is_promised_is_kept() -> None:
    """At the page views that are asked for, the wanted gain is found in 90 % of 2,000 holdouts."""
    rng = np.random.default_rng(2)
    sd, mean, wanted = 0.2, 0.1, 0.03
    needed = int(np.ceil(((1.95996 + 1.28155) * sd / (wanted * mean)) ** 2))
    drawn = rng.normal(wanted * mean, sd / np.sqrt(needed), 2_000)
    found = np.mean(drawn - 1.95996 * sd / np.sqrt(needed) > 0)
    assert found == pytest.approx(0.9, abs=0.02)
    rows = rng.normal(0.0, sd, 20_000)
    made = paired_gain(
        rows + mean, np.full(20_000, mean), np.arange(20_000), alpha=0.025, resamples=100, seed=1
    )
    power = power_of(made, wanted_gain=wanted, min_gain=0.0)
    assert power.needed_page_views == pytest.approx(needed, rel=0.03)


def test_of_few_clusters_the_wider_interval_counts() -> None:
    rng = np.random.default_rng(4)
    values = rng.exponential(size=12) ** 3
    clusters = np.arange(12)
    found = paired_gain(values, np.zeros(12), clusters, alpha=0.025, resamples=2_000, seed=7)
    analytic = estimate_mean(values, clusters).bounds(0.025)
    drawn = bootstrap_mean(values, clusters, confidence=0.95, resamples=2_000, seed=7)
    assert found.lower == min(analytic[0], drawn.lower)
    assert found.upper == max(analytic[1], drawn.upper)


def test_a_real_gain_passes_at_attempt_100() -> None:
    """Ten standard errors, judged at 0.025/9,900."""
    made = paired_gain(
        np.tile([1.0, 0.0], 500) + 0.16,
        np.full(1_000, 0.5),
        np.arange(1_000),
        alpha=0.025 / 9_900,
        resamples=100,
        seed=1,
    )
    assert made.estimate.value / made.estimate.standard_error == pytest.approx(10.1, abs=0.1)
    assert made.lower > 0


@pytest.mark.parametrize(
    ("challenger", "verdict", "words"),
    [
        ([0.6, 0.2], "pass", "ahead of popularity: ndcg@5 +0.1000 (+33.3%), must be above 0 (2 pa"),
        ([0.4, 0.2], "fail", "not ahead of popularity: ndcg@5 +0.0000 (+0.0%)"),
        ([0.2, 0.2], "fail", "not ahead of popularity: ndcg@5 -0.1000 (-33.3%)"),
    ],
)
def test_ahead_by_the_mean(challenger: list[float], verdict: str, words: str) -> None:
    gain = paired_gain(challenger, [0.4, 0.2], [0, 1], alpha=0.025, resamples=100, seed=1)
    rule = ahead_rule("baseline", "popularity", gain, metric="ndcg@5")
    assert (str(rule.verdict), rule.name, rule.bound) == (verdict, "baseline", 0.0)
    assert rule.text.startswith(words)
    assert gain.lower <= 0  # which would not be proved


def test_nothing_is_not_ahead() -> None:
    gain = paired_gain([], [], [], alpha=0.025, resamples=100, seed=1)
    rule = ahead_rule("baseline", "popularity", gain, metric="ndcg@5")
    assert str(rule.verdict) == "fail"
