"""CTR methods of a few lines each: a fixed cut, CUSUM as in textbooks, CUSUM tuned, and an oracle.

A CUSUM adds log-likelihood ratios of a drop, S <- max(0, S + l), and alarms at a level. Moustakides
(1986): told the right drop it has the least worst-case mean delay at its run length. So the oracle,
told the true baseline, the dispersion and the drop, is the yardstick that Lorden's limit is not:
where the information an hour is small the limit overstates what is possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from decisions_scores import HOURS_A_YEAR, SILENT_HOURS, Alarms, Batch, spaced
from stream_features import HOURS_A_WEEK
from streams import Stream, Traffic, World

TUNED_DROP = 0.25
CUT = 0.85
"""A fixed cut alarms below this share of the reference's CTR."""
OWN_SPREAD = 0.05
"""What an hour of the week may have of its own, as a relative standard deviation of its CTR."""
LEVELS = np.arange(2.0, 16.0, 0.25)
SIMULATED_YEARS = 100


def fixed_cut(batch: Batch) -> Alarms:
    """Alarm when an hour's CTR is 15 % below the reference's."""
    cut = CUT * batch.reference.clicks.sum() / batch.reference.impressions.sum()
    return [spaced(np.flatnonzero(s.ctr < cut)) for s in batch.streams]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What clicks are expected to be.

    Parameters:
        rates: CTR at each hour of the week, [168].
        volume: impressions at each hour of the week, [168].
        phi: dispersion, at least 1.
    """

    rates: np.ndarray
    volume: np.ndarray
    phi: float

    @classmethod
    def learned(cls, reference: Stream) -> Baseline:
        """Return CTR by hour of the week, shrunk to hour of day times day, and the dispersion.

        An hour of the week may differ from that product by `OWN_SPREAD`; so many clicks (over
        phi) as would show that spread count against its own. Phi is Pearson's.
        """
        weeks = reference.hours // HOURS_A_WEEK
        shown = reference.impressions.reshape(weeks, 7, 24)
        clicks = reference.clicks.reshape(weeks, 7, 24)
        overall = clicks.sum() / shown.sum()
        by_hour = clicks.sum(axis=(0, 1)) / np.maximum(shown.sum(axis=(0, 1)), 1)
        by_day = clicks.sum(axis=(0, 2)) / np.maximum(shown.sum(axis=(0, 2)), 1)
        product = np.maximum(by_day[:, None] * by_hour[None, :] / overall, 1e-6)
        phi = _dispersion(clicks, shown, product, fitted=30.0)
        expected = (shown.sum(axis=0) * product) / phi
        prior = 1 / OWN_SPREAD**2
        rates = product * (clicks.sum(axis=0) / phi + prior) / (expected + prior)
        own = float((expected / (expected + prior)).sum())
        return cls(
            rates=rates.ravel(),
            volume=shown.mean(axis=0).ravel(),
            phi=_dispersion(clicks, shown, rates, fitted=30.0 + own),
        )

    @classmethod
    def constant(cls, reference: Stream) -> Baseline:
        """Return one CTR for all hours, and independent impressions."""
        rate = reference.clicks.sum() / reference.impressions.sum()
        return cls(rates=np.full(HOURS_A_WEEK, rate), volume=np.empty(0), phi=1.0)

    @classmethod
    def true(cls, traffic: Traffic) -> Baseline:
        """Return the law itself."""
        return cls(rates=traffic.rates(), volume=traffic.volume(), phi=traffic.phi)

    def evidence(self, shown: np.ndarray, clicks: np.ndarray, drop: float) -> np.ndarray:
        """Return an hour's log-likelihood ratio of the drop, divided by phi, [H] or [H, P]."""
        p0 = self.rates[np.arange(len(shown)) % HOURS_A_WEEK]
        p0 = p0.reshape(-1, *[1] * (shown.ndim - 1))
        p1 = (1 - drop) * p0
        gain = clicks * np.log(p1 / p0) + (shown - clicks) * np.log((1 - p1) / (1 - p0))
        return gain / self.phi

    def simulated(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return years of impressions and clicks with this mean and dispersion, [8760, P]."""
        hour = np.arange(HOURS_A_YEAR) % HOURS_A_WEEK
        shape = (HOURS_A_YEAR, SIMULATED_YEARS)
        shown = 10 * rng.poisson(np.broadcast_to(self.volume[hour, None] / 10, shape))
        return shown, self.phi * rng.poisson(shown * self.rates[hour, None] / self.phi)


def _dispersion(
    clicks: np.ndarray, shown: np.ndarray, rates: np.ndarray, *, fitted: float
) -> float:
    """Return Pearson's chi-square over its degrees of freedom, at least 1."""
    is_open = shown > 0
    variance = np.where(is_open, shown * rates * (1 - rates), 1.0)
    pearson = np.where(is_open, (clicks - shown * rates) ** 2 / variance, 0.0).sum()
    return max(1.0, float(pearson / (is_open.sum() - fitted)))


def cusum(evidence: np.ndarray, level: float) -> list[int]:
    """Return the hours at which the sum reaches the level.

    Example:
        >>> cusum(np.array([1.0, -5.0, 2.0, 2.0, 2.0]), 3.0)
        [3]
    """
    alarms, total, silent = [], 0.0, 0
    for hour, gain in enumerate(evidence.tolist()):
        if hour < silent:
            continue
        total = max(0.0, total + gain)
        if total >= level:
            alarms.append(hour)
            total, silent = 0.0, hour + 1 + SILENT_HOURS
    return alarms


def level_of(evidence: np.ndarray, *, a_year: float) -> float:
    """Return the lowest level of the grid with at most so many alarms a year, [H, P] simulated."""
    total = np.zeros((LEVELS.size, evidence.shape[1]))
    alarms = np.zeros(LEVELS.size)
    for gains in evidence:
        total = np.maximum(total + gains, 0.0)
        over = total >= LEVELS[:, None]
        alarms += over.sum(axis=1)
        total[over] = 0.0
    rate = alarms / evidence.size * HOURS_A_YEAR
    return float(LEVELS[np.flatnonzero(rate <= a_year)[0]])


def textbook_cusum(batch: Batch, *, a_year: float) -> Alarms:
    """CUSUM for 25 % on one CTR, binomial, at Wald's level log(run length)."""
    baseline, level = Baseline.constant(batch.reference), np.log(HOURS_A_YEAR / a_year)
    return _run(batch, baseline, TUNED_DROP, float(level))


class TunedCusum:
    """CUSUM for 25 % with the reference's cycles and dispersion; level by simulating them."""

    def __init__(self, reference: Stream, *, a_year: float) -> None:
        self.baseline = Baseline.learned(reference)
        simulated = self.baseline.simulated(np.random.default_rng(0))
        self.level = level_of(self.baseline.evidence(*simulated, TUNED_DROP), a_year=a_year)

    def __call__(self, batch: Batch) -> Alarms:
        """Return the alarms of every stream."""
        return _run(batch, self.baseline, TUNED_DROP, self.level)


class Oracle:
    """CUSUM told the true baseline and dispersion; `level` makes it one for a drop.

    Parameters:
        world: any of the law's; so many `years` of it give the levels.
    """

    def __init__(self, world: World, *, years: int = SIMULATED_YEARS) -> None:
        self.baseline = Baseline.true(world.traffic)
        simulated = [
            world.stream(52 * HOURS_A_WEEK, seed=1_000_000 + i, features=False)
            for i in range(years)
        ]
        self._shown = np.stack([year.impressions for year in simulated], axis=1)
        self._clicks = np.stack([year.clicks for year in simulated], axis=1)

    def level(self, drop: float, *, a_year: float) -> float:
        """Return the level for this drop at so many false alarms a year."""
        return level_of(self.baseline.evidence(self._shown, self._clicks, drop), a_year=a_year)

    def alarms(self, batch: Batch, drop: float, level: float) -> Alarms:
        """Return the alarms of every stream."""
        return _run(batch, self.baseline, drop, level)


def _run(batch: Batch, baseline: Baseline, drop: float, level: float) -> Alarms:
    return [cusum(baseline.evidence(s.impressions, s.clicks, drop), level) for s in batch.streams]
