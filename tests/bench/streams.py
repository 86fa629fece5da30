"""Simulated traffic of one model, an hour a row: what the sensors see, and what they must not mind.

Visitors come by users of ten impressions (two page views of five). A user's clicks are
beta-binomial, so an hour's clicks have phi times the binomial's variance, exactly; a user's ten
rows share their features. Volume and CTR follow the day and the week, each by 15 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.special import betaln, comb
from stream_features import CYCLE, HOURS_A_WEEK, FeatureLaw, feature_laws

from evergreen.domain.bins import level_bins

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
REFERENCE_HOURS = 28 * 24
USER, VIEW = 10, 5
"""Impressions of one user, and of one page view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Hours of traffic as sketches would hold them.

    Parameters:
        impressions, clicks: an hour, [H].
        view_squares: an hour's sums over page views of n², n·c and c², [H, 3].
        bins: feature to rows in each bin an hour, [H, B]: bins, a category's `other`, missing.
        importance: feature to its share of the model's gain.
    """

    start: datetime
    impressions: np.ndarray
    clicks: np.ndarray
    view_squares: np.ndarray
    bins: dict[str, np.ndarray]
    importance: dict[str, float]

    @property
    def hours(self) -> int:
        """How many hours it has."""
        return int(self.impressions.size)

    @property
    def ctr(self) -> np.ndarray:
        """Clicks / impressions an hour, NaN where nobody came, [H]."""
        shown = np.where(self.impressions > 0, self.impressions, np.nan)
        return self.clicks / shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens from hour `at` on.

    Parameters:
        drop: relative drop of CTR, 0 to 1.
        feature: the one that changes: shifted by `psi`, or gone missing where that is None.
    """

    at: int
    drop: float = 0.0
    feature: str | None = None
    psi: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The law of a model's traffic.

    Parameters:
        an_hour: impressions, mean over open hours.
        phi: variance of an hour's clicks over the binomial's, 1 to 10.
        closed_nights: nobody comes from 23:00 to 06:00.
    """

    an_hour: float = 2_000.0
    ctr: float = 0.04
    phi: float = 3.0
    closed_nights: bool = False

    def volume(self) -> np.ndarray:
        """Return expected impressions at each hour of the week, [168]."""
        volume = _cycle(0.0, 1.0)
        if self.closed_nights:
            hour = np.arange(HOURS_A_WEEK) % 24
            volume[(hour >= 23) | (hour < 6)] = 0.0
        return self.an_hour * volume / volume[volume > 0].mean()

    def rates(self, drop: float = 0.0) -> np.ndarray:
        """Return CTR at each hour of the week, [168]."""
        return self.ctr * (1 - drop) * _cycle(2.0, 4.0)


def _cycle(day_phase: float, week_phase: float) -> np.ndarray:
    hour = np.arange(HOURS_A_WEEK)
    day = 1 + CYCLE * np.sin(2 * np.pi * hour / 24 + day_phase)
    return day * (1 + CYCLE * np.sin(2 * np.pi * hour / HOURS_A_WEEK + week_phase))


CLICKS_OF_VIEWS = np.stack(np.divmod(np.arange((VIEW + 1) ** 2), VIEW + 1))
"""Clicks on a user's first and second page view, for each of the 36 ways, [2, 36]."""


def user_law(rate: np.ndarray, phi: float) -> np.ndarray:
    """Return probabilities of the 36 ways that a user clicks, [len(rate), 36].

    Beta-binomial over ten impressions with correlation (phi - 1) / 9; binomial at phi 1.
    """
    first, second = CLICKS_OF_VIEWS
    ways, total = comb(VIEW, first) * comb(VIEW, second), first + second
    p = np.atleast_1d(rate)[:, None]
    if phi == 1:
        return ways * p**total * (1 - p) ** (USER - total)
    strength = (USER - phi) / (phi - 1)  # alpha + beta of the users' own rates
    a, b = p * strength, (1 - p) * strength
    return ways * np.exp(betaln(a + total, b + USER - total) - betaln(a, b))


class World:
    """One model's traffic with its 28 days of reference, from which its bins are made.

    Parameters:
        seed: names the world; the streams take seeds of their own.
    """

    def __init__(self, traffic: Traffic, *, seed: int) -> None:
        self.traffic, self.seed, self.features = traffic, seed, feature_laws()
        rng, of_features = _generators(seed, 0)
        users = self._users(REFERENCE_HOURS, rng)
        hour = np.arange(REFERENCE_HOURS) % HOURS_A_WEEK
        self._bin_of, bins = {}, {}
        for law in self.features:
            counts = USER * of_features.multinomial(users, law.by_hour()[hour])
            self._bin_of[law.name] = _bins_of_levels(law, counts.sum(axis=0))
            bins[law.name] = counts @ self._bin_of[law.name]
        self.reference = self._stream(START, users, rng, None, bins)

    def stream(
        self, hours: int, *, seed: int, change: Change | None = None, features: bool = True
    ) -> Stream:
        """Return the hours that follow the reference, in which the change happens.

        Without `features` it is much quicker, and the same but for the bins, which are empty.
        """
        rng, of_features = _generators(self.seed, 1 + seed)
        users = self._users(hours, rng)
        hour = np.arange(hours) % HOURS_A_WEEK
        bins = {}
        for law in self.features if features else ():
            shares = (law.by_hour() @ self._bin_of[law.name])[hour]
            if change is not None and change.feature == law.name:
                later = law.gone() if change.psi is None else law.shifted(change.psi)
                later = later @ self._bin_of[law.name]
                shares[change.at :] = later[hour[change.at :]]
            bins[law.name] = USER * of_features.multinomial(users, shares)
        start = START + timedelta(hours=REFERENCE_HOURS)
        return self._stream(start, users, rng, change, bins)

    def _users(self, hours: int, rng: np.random.Generator) -> np.ndarray:
        return rng.poisson(self.traffic.volume()[np.arange(hours) % HOURS_A_WEEK] / USER)

    def _stream(
        self,
        start: datetime,
        users: np.ndarray,
        rng: np.random.Generator,
        change: Change | None,
        bins: dict[str, np.ndarray],
    ) -> Stream:
        hour = np.arange(users.size) % HOURS_A_WEEK
        law = user_law(self.traffic.rates(), self.traffic.phi)[hour]
        if change is not None and change.drop:
            later = user_law(self.traffic.rates(change.drop), self.traffic.phi)
            law[change.at :] = later[hour[change.at :]]
        ways = rng.multinomial(users, law)
        first, second = CLICKS_OF_VIEWS
        clicks = ways @ (first + second)
        views = users * (USER // VIEW)
        squares = [views * VIEW**2, VIEW * clicks, ways @ (first**2 + second**2)]
        return Stream(
            start=start,
            impressions=USER * users,
            clicks=clicks,
            view_squares=np.stack(squares, axis=1),
            bins=bins,
            importance={law.name: law.importance for law in self.features},
        )


def _generators(*seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Return one for users and clicks, and one for features."""
    return np.random.default_rng([*seed, 0]), np.random.default_rng([*seed, 1])


def _bins_of_levels(law: FeatureLaw, counts: np.ndarray) -> np.ndarray:
    """Return which bin of the reference profile a level is counted in, as 0 or 1, [L + 1, B]."""
    if not law.category:
        return np.eye(counts.size, dtype=np.int64)
    seen = {str(level): int(n) for level, n in enumerate(counts[:-1]) if n}
    bins = level_bins(seen)
    other = len(bins.groups)
    at = [bins.bin_of.get(str(level), other) for level in range(counts.size - 1)]
    return np.eye(bins.size, dtype=np.int64)[[*at, other + 1]]
