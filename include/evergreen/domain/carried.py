"""What a new champion must earn: the old one's weekly rhythm, at the level it earned at last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike

from evergreen.domain.baseline import CtrBaseline, at_level
from evergreen.domain.windows import Window, hour_key

RECENT = (timedelta(hours=24), timedelta(hours=72), timedelta(days=7))
"""Lengths of the window before the switch that the old champion's level is taken from."""
MIN_CLICKS = 25.0
"""A level from fewer effective clicks (clicks / dispersion) is not known to a fifth."""
MIN_RECENT_CLICKS = 100.0
"""The same of windows shorter than the longest: a tenth, or chance would find the lowest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedExpectation:
    """The expectation carried over from the old champion.

    Parameters:
        baseline: the old profile's, with the rate and its error of the hours before the switch.
        level: what the old champion earned in these hours over what its profile expected.
        since: the first of these hours.
        clicks, impressions: of these hours.
    """

    baseline: CtrBaseline
    level: float
    since: str
    clicks: int
    impressions: int


def carry_over(
    baseline: CtrBaseline,
    hours: Sequence[datetime],
    clicks: ArrayLike,
    impressions: ArrayLike,
    *,
    switched: datetime,
    min_clicks: float = MIN_CLICKS,
) -> CarriedExpectation | None:
    """Return what the old champion would go on earning; None where that is not known.

    Its profile says how the CTR moves over the week, but not how much it earned at the end: it was
    replaced because it had gone stale. So the rhythm is kept, and its rate is scaled to what was
    earned before the switch. Of the last 24 hours, 72 hours and 7 days, where they hold enough
    clicks, the one with the lowest level counts: a champion that fell within the last day would
    have stayed there, and a challenger that mends half of the fall must not be held against the
    time before.

    Parameters:
        baseline: of the old champion's profile.
        hours: start of each hour that the old champion served, [H].
        clicks, impressions: mature counts, [H].
        switched: start of the new champion's first hour.
        min_clicks: a window with fewer effective clicks says nothing; more is surer, and leaves
            more trials undecided.
    """
    times = np.array([hour.timestamp() for hour in hours])
    c, n = np.asarray(clicks, dtype=float), np.asarray(impressions, dtype=float)
    found = []
    for length in RECENT:
        window = Window.last(length, until=switched)
        inside = (times >= window.start.timestamp()) & (times < window.end.timestamp()) & (n > 0)
        needed = min_clicks if length == max(RECENT) else max(min_clicks, MIN_RECENT_CLICKS)
        if c[inside].sum() < needed * baseline.dispersion:
            continue
        kept = [hour for hour, within in zip(hours, inside, strict=True) if within]
        scaled = at_level(baseline, kept, c[inside], n[inside])
        found.append(
            CarriedExpectation(
                baseline=scaled,
                level=scaled.rate / baseline.rate,
                since=hour_key(min(kept)),
                clicks=int(c[inside].sum()),
                impressions=int(n[inside].sum()),
            )
        )
    return min(found, key=lambda carried: carried.level, default=None)
