"""Clicks and columns of users with ten impressions each: what makes rows less than independent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.stats import betabinom

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
USER = 10
"""Impressions of one user."""


def hours_from(start: datetime, count: int) -> list[datetime]:
    """Return so many hours, one after the other."""
    return [start + timedelta(hours=i) for i in range(count)]


def user_clicks(
    rng: np.random.Generator, impressions: np.ndarray, rates: np.ndarray, phi: float
) -> np.ndarray:
    """Return clicks an hour, [H]: mean n p, variance phi n p (1 - p), from beta-binomial users."""
    if phi == 1:
        return rng.binomial(impressions, rates)
    strength = (USER - phi) / (phi - 1)  # alpha + beta of the users' own rates
    a, b = (rates * strength)[:, None], ((1 - rates) * strength)[:, None]
    law = betabinom.pmf(np.arange(USER + 1)[None, :], USER, a, b)
    return rng.multinomial(impressions // USER, law) @ np.arange(USER + 1)


def user_counts(
    rng: np.random.Generator, *, blocks: int, users: int, shares: np.ndarray
) -> np.ndarray:
    """Return rows in each bin, [blocks, B], where the ten rows of a user fall in one bin."""
    return USER * rng.multinomial(users, shares, size=blocks)
