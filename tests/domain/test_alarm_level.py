"""The alarm level: the promised rate on streams that it was not made from, and the delay."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from made_users import MONDAY, hours_from, user_clicks

from evergreen.domain import alarm_level
from evergreen.domain.alarm_level import calibrate, drops_from
from evergreen.domain.baseline import CtrBaseline, fit_baseline
from evergreen.domain.detector import GRID, Alarm, evidence, log_ratios

RUN_LENGTH = 8_760 / 0.75


def baseline(*, rate_error: float = 0.0, volume: float = 2_000.0) -> CtrBaseline:
    return CtrBaseline(
        rate=0.04,
        shape=(1.0,) * 168,
        dispersion=3.0,
        rate_error=rate_error,
        volume=(volume,) * 168,
        impressions=1_344_000,
        hours=672,
    )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate 200 weeks instead of 300 half years."""
    monkeypatch.setattr(alarm_level, "PATHS", 200)
    monkeypatch.setattr(alarm_level, "HORIZON_HOURS", 168)


def alarms_a_year(alarm: Alarm, clicks: np.ndarray) -> tuple[float, float]:
    """Return the rate of alarms on streams without a change, and its standard error.

    The statistic is the plain recursion, started anew at each alarm.

    Parameters:
        clicks: of 2,000 impressions an hour, [paths, H].
    """
    paths, hours = clicks.shape
    every = np.full(clicks.size, 2_000), np.full(clicks.size, 0.04)
    ratios = log_ratios(clicks.ravel(), *every, drops=alarm.drops, dispersion=3.0)
    ratios = ratios.reshape(paths, hours, len(alarm.drops))
    state, count = np.zeros((paths, len(alarm.drops))), np.zeros(paths)
    for hour in range(hours):
        state = (1 + state) * np.exp(ratios[:, hour])
        over = state @ np.asarray(alarm.weights) > exp(alarm.level)
        count += over
        state[over] = 0.0
    a_year = count * 8_760 / hours
    return a_year.mean(), a_year.std(ddof=1) / np.sqrt(paths)


def test_the_drops_that_are_looked_for() -> None:
    assert drops_from(0.10) == GRID
    assert drops_from(0.05) == (0.05, *GRID)
    assert drops_from(0.2) == (0.2, 0.25, 0.4, 0.5)
    assert drops_from(0.5) == (0.5,)


def test_the_promised_rate_holds_on_fresh_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm_level, "HORIZON_HOURS", 1_000)
    promised, size = 75.0, (100, 1_500)  # enough alarms to count in a small simulation
    alarm = calibrate(baseline(), drops=GRID, false_alarms_per_year=promised, seed=7)
    rng = np.random.default_rng(1)
    rate, error = alarms_a_year(alarm, 3 * rng.poisson(2_000 * 0.04 / 3, size=size))
    assert error < promised / 15  # so this would tell a rate that is a third off
    # three errors of this count, and 5 % for that of the level's own simulation
    assert rate == pytest.approx(promised, abs=3 * error + 0.05 * promised)
    every = np.full(size[0] * size[1], 2_000), np.full(size[0] * size[1], 0.04)
    users, error = alarms_a_year(alarm, user_clicks(rng, *every, 3.0).reshape(size))
    assert promised / 2 < users < promised + 3 * error  # users' clicks are a little less skewed


def test_a_large_reference_alarms_below_the_theorys_level() -> None:
    alarm = calibrate(baseline(), drops=GRID, false_alarms_per_year=0.75, seed=7)
    assert log(RUN_LENGTH) - 2 < alarm.level < log(RUN_LENGTH) - 0.3
    assert alarm.weights == pytest.approx([0.2] * 5)
    assert alarm.false_alarms_per_year == 0.75


def test_a_quarter_less_is_found_nearly_as_soon_as_lorden_allows() -> None:
    n, rate = 2_000, 0.04
    reference, rng = np.full(672, n), np.random.default_rng(5)
    clicks = user_clicks(rng, reference, np.full(672, rate), 3.0)
    fitted = fit_baseline(hours_from(MONDAY, 672), clicks, reference)
    assert fitted is not None
    alarm = calibrate(fitted, drops=GRID, false_alarms_per_year=0.75, seed=7)
    before, after, delays = 168, 96, []
    rates = np.repeat([rate, 0.75 * rate], [before, after])
    for _ in range(40):
        c = user_clicks(rng, np.full(rates.size, n), rates, 3.0)
        expected = fitted.expected(hours_from(MONDAY, rates.size))
        ratios = log_ratios(
            c, np.full(rates.size, n), expected, drops=GRID, dispersion=fitted.dispersion
        )
        alarmed = (
            hour - before
            for hour in range(before + 1, rates.size + 1)
            if evidence(ratios[:hour], alarm=alarm).value > alarm.level
        )
        delays.append(next(alarmed, after))
    information = 0.03 * log(0.75) + 0.97 * log(0.97 / 0.96)
    lorden = log(RUN_LENGTH) * 3.0 / (n * information)
    assert lorden == pytest.approx(9.88, abs=0.005)
    assert float(np.median(delays)) <= 1.5 * lorden


def test_drops_that_the_baselines_error_could_imitate_count_less(quick: None) -> None:
    drops, error, level = (0.1, 0.4), 0.01, log(RUN_LENGTH)
    alarm = calibrate(baseline(rate_error=error), drops=drops, false_alarms_per_year=0.75, seed=7)
    by_hand = [exp(-((2 * error * level / d) ** 2) / 2) for d in drops]
    assert alarm.weights == pytest.approx([w / sum(by_hand) for w in by_hand])


def test_no_level_hides_a_large_error_so_it_is_allowed_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm_level, "PATHS", 60)
    sure, unsure = (
        calibrate(baseline(rate_error=e), drops=GRID, false_alarms_per_year=0.75, seed=7)
        for e in (0.01, 0.1)
    )
    assert sure.allowance == 0.0
    assert unsure.allowance in (pytest.approx(0.1), pytest.approx(0.2), pytest.approx(0.3))
    assert unsure.weights[0] < 1e-6 < sure.weights[0]


def test_a_reference_of_few_clicks_keeps_the_promise_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 impressions an hour at 4 % and dispersion 3: a week's error is 4.6 %, a day's 12 %."""
    monkeypatch.setattr(alarm_level, "PATHS", 200)
    monkeypatch.setattr(alarm_level, "HORIZON_HOURS", 600)
    thin, promised = baseline(rate_error=0.15), 50.0
    alarm = calibrate(thin, drops=GRID, false_alarms_per_year=promised, seed=7)
    simulated = alarm_level._simulated_alarms(thin, alarm, np.array([alarm.level]), 7)
    assert simulated[0] * 8_760 / 600 <= 1.2 * promised


def test_a_larger_promise_alarms_sooner(quick: None) -> None:
    levels = [
        calibrate(baseline(), drops=GRID, false_alarms_per_year=f, seed=7).level
        for f in (50, 100, 300)
    ]
    assert levels[0] > levels[1] > levels[2]


def test_the_seed_decides(quick: None) -> None:
    def made(seed: int) -> Alarm:
        return calibrate(baseline(), drops=GRID, false_alarms_per_year=100, seed=seed)

    assert made(7) == made(7)
    assert made(7).level != made(8).level


def test_closed_hours_cannot_alarm(quick: None) -> None:
    nights = tuple(0.0 if hour % 24 < 12 else 2_000.0 for hour in range(168))
    half, whole = (
        calibrate(b, drops=GRID, false_alarms_per_year=100, seed=7)
        for b in (replace(baseline(), volume=nights), baseline())
    )
    assert half.level < whole.level


def test_one_drop(quick: None) -> None:
    alarm = calibrate(baseline(), drops=(0.3,), false_alarms_per_year=100, seed=7)
    assert (alarm.drops, alarm.weights) == ((0.3,), (1.0,))
