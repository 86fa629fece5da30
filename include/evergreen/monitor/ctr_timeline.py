"""The CTR of one model over weeks, beside what was expected of the very same impressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

import numpy as np

from evergreen.adapters.ledger_views import CtrHour, HourCounts
from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.windows import HOUR, Window

TRAILING_HOURS = 24
"""A whole day, so that the daily cycle cancels."""
BAND_Z = 1.96
"""Of the band around what is expected: 95 % of days without a change lie in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrTimeline:
    """The picture's lines; lists of one length, oldest first, None where there is nothing.

    Parameters:
        at: start of each hour, seconds since 1970.
        ctr: clicks / mature impressions of the 24 hours that end with it.
        expected: by the baselines of the versions that served them.
        low, high: between which the CTR lies in 95 of 100 days when nothing has changed.
        impressions: of the hour alone.
        evidence, level: of the detector, in logarithms; it alarms where evidence exceeds the level.
        alarm: whether the CTR sensor said yes.
        version: that the hour was measured for.
    """

    at: list[int]
    ctr: list[float | None]
    expected: list[float | None]
    low: list[float | None]
    high: list[float | None]
    impressions: list[int]
    evidence: list[float | None]
    level: list[float | None]
    alarm: list[bool]
    version: list[str | None]


def ctr_timeline(
    window: Window,
    counts: Sequence[HourCounts],
    judged: Sequence[CtrHour],
    baselines: Mapping[str, CtrBaseline],
    *,
    left_out: Sequence[datetime] = (),
    step_hours: int = 1,
) -> CtrTimeline:
    """Return the timeline of a window.

    Band: expected ± z sqrt(φ p (1 - p) / n + (p e)²), with the dispersion φ and the relative error
    e of the rate of the newest hour's baseline.

    Parameters:
        counts: of the window and of the day before it, one for each hour (`of_hours`).
        baselines: profile digest to its baseline.
        left_out: hours in quarantine, which count nothing.
        step_hours: every so many hours one point is kept, the newest one always.
    """
    first = window.start - (TRAILING_HOURS - 1) * HOUR
    hours = list(Window(first, window.end).hours())
    place = {hour: index for index, hour in enumerate(hours)}
    shown, clicks, fitted, spread = (np.zeros(len(hours)) for _ in range(4))
    seen, version = np.zeros(len(hours), dtype=np.int64), [None] * len(hours)
    errors: list[float] = [0.0] * len(hours)
    put_aside = set(left_out)
    for row in counts:
        index = place.get(row.hour)
        if index is None:
            continue
        seen[index], version[index] = row.impressions, row.version
        if row.hour in put_aside:
            continue
        shown[index], clicks[index] = row.labelled, row.clicks
        baseline = baselines.get(row.profile)
        rate = float(baseline.expected([row.hour])[0]) if baseline else np.nan
        fitted[index] = row.labelled * rate
        if baseline:
            spread[index] = baseline.dispersion * row.labelled * rate * (1 - rate)
            errors[index] = baseline.rate_error
    n, c = _trailing(shown), _trailing(clicks)
    p_sum, variance = _trailing(fitted), _trailing(spread)
    said = {row.hour: row for row in judged}
    kept = [
        i for i in range(TRAILING_HOURS - 1, len(hours)) if (len(hours) - 1 - i) % step_hours == 0
    ]
    lines = [
        _point(n[i], c[i], p_sum[i], variance[i], max(errors[i - TRAILING_HOURS + 1 : i + 1]))
        for i in kept
    ]
    of = [said.get(hours[i]) for i in kept]
    return CtrTimeline(
        at=[int(hours[i].timestamp()) for i in kept],
        ctr=[line[0] for line in lines],
        expected=[line[1] for line in lines],
        low=[line[2] for line in lines],
        high=[line[3] for line in lines],
        impressions=[int(seen[i]) for i in kept],
        evidence=[row.evidence if row else None for row in of],
        level=[row.level if row else None for row in of],
        alarm=[bool(row and row.verdict == "yes") for row in of],
        version=[version[i] for i in kept],
    )


def of_hours(counts: Sequence[HourCounts]) -> list[HourCounts]:
    """Return one count for each hour: of the profile that it was measured with, else of the one
    that most of its impressions belong to. The version is told where its profile is known.
    """
    version_of = {row.profile: row.version for row in counts if row.version is not None}
    best: dict[datetime, HourCounts] = {}
    for row in counts:
        before = best.get(row.hour)
        if before is None or _weight(row) > _weight(before):
            best[row.hour] = row
    return [
        HourCounts(
            hour=row.hour,
            profile=row.profile,
            version=version_of.get(row.profile),
            impressions=row.impressions,
            labelled=row.labelled,
            clicks=row.clicks,
            fallback=row.fallback,
        )
        for _, row in sorted(best.items())
    ]


def first_served(counts: Sequence[HourCounts]) -> dict[str, datetime]:
    """Return the first hour in which each version answered, on the lake's clock."""
    found: dict[str, datetime] = {}
    for row in counts:
        if row.version is not None and row.impressions:
            found.setdefault(row.version, row.hour)
    return found


def timeline_window(end: datetime, days: int) -> Window:
    """Return the window that is shown: so many days up to `end`."""
    return Window.last(timedelta(days=days), until=end)


def _weight(row: HourCounts) -> tuple[bool, int]:
    return row.version is not None, row.impressions


def _trailing(values: np.ndarray) -> np.ndarray:
    """Return the sums over each hour and the 23 before it; NaN where one of them is unknown."""
    known = np.nan_to_num(values)
    sums = np.concatenate([[0.0], known.cumsum()])
    unknown = np.concatenate([[0], np.isnan(values).cumsum()])
    ends = np.arange(1, values.size + 1)
    starts = np.maximum(ends - TRAILING_HOURS, 0)
    total = sums[ends] - sums[starts]
    return np.where(unknown[ends] > unknown[starts], np.nan, total)


def _point(
    n: float, clicks: float, fitted: float, variance: float, rate_error: float
) -> tuple[float | None, float | None, float | None, float | None]:
    if not n:
        return None, None, None, None
    ctr = round(float(clicks / n), 6)
    if not np.isfinite(fitted):
        return ctr, None, None, None
    p = float(fitted / n)
    half = BAND_Z * sqrt(float(variance) / n**2 + (p * rate_error) ** 2)
    return ctr, round(p, 6), round(max(p - half, 0.0), 6), round(p + half, 6)
