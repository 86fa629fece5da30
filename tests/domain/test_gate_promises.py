"""What the gate promises, on simulated page views; `make bench-gate` asks the same at length."""

from __future__ import annotations

import numpy as np
import pytest
from made_attempts import asked_often, false_histories, false_promotions, gain_at
from made_page_views import make_views, measured, shift_of

from evergreen.domain.gate import GateVerdict


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_page_views_are_like_those_of_the_real_log() -> None:
    views = make_views(150_000, rng(1))
    found = measured(views, views.challenger(views.changes(rng(2))))
    assert found == {
        "mean": pytest.approx(0.193, abs=0.01),
        "sd": pytest.approx(0.253, abs=0.01),
        "correlation": pytest.approx(0.914, abs=0.01),
        "user_correlation": pytest.approx(0.249, abs=0.03),
        "user_correlation_of_difference": pytest.approx(0.115, abs=0.02),
    }


def test_equal_models_are_seldom_promoted() -> None:
    """Of 1,000 at most 2.5 %, and 3.3 % by three standard errors of the count's own chance."""
    assert false_promotions(1_000, 4_000, rng(3)) <= 33


@pytest.mark.parametrize("step", [1 / 7, 1 / 168])
def test_retraining_again_and_again_does_not_promote_noise(step: float) -> None:
    """Of 15 histories 5 % are 1; four have a chance of 0.5 % at the promise."""
    assert false_histories(15, 2_000, rng(4), attempts=100, step=step) < 4


def test_a_gain_of_three_per_cent_is_found() -> None:
    said = asked_often(40, 50_000, rng(5), gain=0.03, gain_in_slice=0.03)
    assert sum(a.verdict is GateVerdict.PROMOTE for a in said) >= 36


def test_a_slice_that_is_ten_per_cent_worse_is_held() -> None:
    said = asked_often(40, 50_000, rng(6), gain=0.10, gain_in_slice=-0.10)
    enough = [a for a in said if a.slice.verdict != "not_enough_data"]
    assert len(enough) >= 35
    assert all(a.verdict is GateVerdict.HOLD for a in enough)
    assert np.mean([a.slice.value < 0 for a in said]) == 1.0


def test_a_real_change_is_promoted_at_attempt_100() -> None:
    """A quarter better, as in April on the real log, on 7,000 page views."""
    views = make_views(7_000, rng(7))
    challenger = views.challenger(views.changes(rng(8)), shift_of(0.25))
    gain, _ = gain_at(views, challenger, 100)
    assert gain.verdict == "pass"
