"""The weekly rhythm against a slow loop, on streams whose rhythm is known, and at its borders."""

from __future__ import annotations

import numpy as np
import pytest
from made_users import user_clicks

from evergreen.domain.hour_of_week import Rhythm, fit_rhythm

WEEK = np.arange(168)


def stream(
    weeks: int, *, cycle: float, phi: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hour of week, clicks and trials: 2,000 an hour at 4 %, with a daily cycle."""
    hour = np.arange(168 * weeks)
    trials = np.full(hour.size, 2_000)
    rates = 0.04 * (1 + cycle * np.sin(2 * np.pi * hour / 24))
    return hour % 168, user_clicks(np.random.default_rng(seed), trials, rates, phi), trials


def slow_shape(hour: np.ndarray, clicks: np.ndarray, trials: np.ndarray) -> list[float]:
    """Return hour-of-day factors, [24], by DerSimonian and Laird, one number after the other."""
    rate = clicks.sum() / trials.sum()
    seen = sorted(set(hour.tolist()))
    got = {h: float(clicks[hour == h].sum()) for h in seen}
    due = {h: float(trials[hour == h].sum()) * rate for h in seen}

    def spread_around(factor: dict[int, float], parameters: float) -> float:
        terms = [
            (c - n * rate * factor[h]) ** 2 / (n * rate * factor[h] * (1 - rate))
            for h, c, n in zip(hour.tolist(), clicks, trials, strict=True)
        ]
        return max(1.0, sum(terms) / (len(terms) - parameters))

    dispersion = spread_around({h: got[h] / due[h] for h in seen}, len(seen))
    factors: dict[int, float] = {}
    for _ in range(2):
        noise = {h: dispersion * (1 - rate) / due[h] for h in seen}
        w = {h: 1 / noise[h] for h in seen}
        mean = sum(w[h] * got[h] / due[h] for h in seen) / sum(w.values())
        q = sum(w[h] * (got[h] / due[h] - mean) ** 2 for h in seen)
        scale = sum(w.values()) - sum(x * x for x in w.values()) / sum(w.values())
        tau2 = max(0.0, (q - (len(seen) - 1)) / scale)
        keep = {h: tau2 / (tau2 + noise[h]) for h in seen}
        factors = {h: 1 + keep[h] * (got[h] / due[h] - 1) for h in seen}
        dispersion = spread_around(factors, 1 + sum(2 * k - k * k for k in keep.values()))
    return [factors.get(h, 1.0) for h in range(24)]


@pytest.mark.parametrize(("cycle", "phi"), [(0.15, 3.0), (0.03, 1.0), (0.0, 3.0)])
def test_one_week_as_a_slow_loop_says(cycle: float, phi: float) -> None:
    hour, clicks, trials = stream(1, cycle=cycle, phi=phi, seed=4)
    fitted = fit_rhythm(hour, clicks, trials)
    assert fitted.shape[:24] == pytest.approx(slow_shape(hour % 24, clicks, trials))


def test_a_flat_reference_stays_flat() -> None:
    hour, clicks, trials = stream(4, cycle=0.0, phi=3.0, seed=1)
    raw = np.bincount(hour, clicks) / np.bincount(hour, trials * 0.04)
    fitted = fit_rhythm(hour, clicks, trials)
    assert np.abs(raw - 1).max() > 0.15  # what a table of means would believe
    assert np.abs(fitted.shape - 1).max() < 0.03
    assert fitted.freedom < 20


@pytest.mark.parametrize("phi", [1.0, 3.0])
def test_a_daily_cycle_of_15_percent_is_recovered(phi: float) -> None:
    truth = 1 + 0.15 * np.sin(2 * np.pi * WEEK / 24)
    fitted = fit_rhythm(*stream(4, cycle=0.15, phi=phi, seed=2))
    assert np.sqrt(np.mean((fitted.shape / truth - 1) ** 2)) < 0.04
    assert fitted.freedom == pytest.approx(25, abs=5)  # 24 hours of the day, and little else


@pytest.mark.parametrize(("phi", "tolerance"), [(1.0, 0.15), (3.0, 0.35), (8.0, 1.0)])
def test_the_dispersion_is_estimated(phi: float, tolerance: float) -> None:
    assert fit_rhythm(*stream(4, cycle=0.15, phi=phi, seed=3)).dispersion == pytest.approx(
        phi, abs=tolerance
    )


def weekend(weeks: int) -> Rhythm:
    """Return the rhythm of weeks whose Saturdays and Sundays have twice the clicks."""
    hour = np.arange(168 * weeks) % 168
    trials = np.full(hour.size, 10_000)
    clicks = np.where(hour >= 120, 800, 400)
    return fit_rhythm(hour, clicks, trials)


def test_one_week_proves_nothing_about_weekdays() -> None:
    shape = weekend(1).shape.reshape(7, 24)
    assert (shape == shape[0]).all()
    assert weekend(1).dispersion > 50  # they are the luck of that week


def test_two_weeks_do() -> None:
    shape = weekend(2).shape.reshape(7, 24)
    assert shape[6].mean() / shape[0].mean() == pytest.approx(2, rel=0.02)
    assert weekend(2).dispersion < 1.1


def test_closed_hours_do_not_count_and_get_no_effect() -> None:
    hour, clicks, trials = stream(3, cycle=0.15, phi=1.0, seed=5)
    closed = hour % 24 < 6
    clicks[closed], trials[closed] = 0, 0
    night = fit_rhythm(hour, clicks, trials)
    alone = fit_rhythm(hour[~closed], clicks[~closed], trials[~closed])
    assert night.shape.tolist() == alone.shape.tolist()
    assert night.shape.reshape(7, 24)[0, :6] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("clicks", "trials"),
    [([], []), ([0, 0], [0, 0]), ([0, 0], [9, 9]), ([9, 9], [9, 9])],
    ids=["no hours", "no impressions", "no clicks", "all clicked"],
)
def test_nothing_to_learn_from(clicks: list[int], trials: list[int]) -> None:
    fitted = fit_rhythm(np.arange(len(clicks)), np.array(clicks), np.array(trials))
    assert (fitted.shape == 1).all()
    assert (fitted.error == 0).all()
    assert (fitted.freedom, fitted.dispersion) == (1.0, 1.0)


def test_one_hour() -> None:
    fitted = fit_rhythm(np.array([5]), np.array([3]), np.array([100]))
    assert (fitted.shape == 1).all()
    assert (fitted.freedom, fitted.dispersion) == (1.0, 1.0)
