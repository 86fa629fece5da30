"""Quiet hours: the part of each day, by a wall clock somewhere, in which messages wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from evergreen.domain.windows import as_utc

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From `start` to `end`, `end` not included; over midnight where `end` is the earlier one.

    Parameters:
        zone: whose wall clock; clocks that are put forward or back move the hours with them.
    """

    start: time
    end: time
    zone: tzinfo


def quiet_until(moment: datetime, quiet: QuietHours) -> datetime | None:
    """Return when the quiet hours end that a moment lies in, in UTC; None outside of them.

    A wall time that comes twice is its first one. One that is skipped is where the clock would be
    had it not been put forward: 02:30 is then 03:30.

    Raises:
        WindowInvalid: the moment is naive.

    Example:
        >>> from zoneinfo import ZoneInfo
        >>> night = QuietHours(start=time(22), end=time(7), zone=ZoneInfo("Europe/Berlin"))
        >>> quiet_until(datetime(2026, 1, 10, 23, tzinfo=UTC), night)
        datetime.datetime(2026, 1, 11, 6, 0, tzinfo=datetime.timezone.utc)
        >>> quiet_until(datetime(2026, 1, 10, 12, tzinfo=UTC), night) is None
        True
    """
    now = as_utc(moment)
    today = now.astimezone(quiet.zone).date()
    for day in (today - DAY, today):
        last = day if quiet.start < quiet.end else day + DAY
        begins = datetime.combine(day, quiet.start, quiet.zone).astimezone(UTC)
        ends = datetime.combine(last, quiet.end, quiet.zone).astimezone(UTC)
        if begins <= now < ends:
            return ends
    return None
