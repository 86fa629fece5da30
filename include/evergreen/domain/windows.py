"""Half-open windows of whole hours in UTC: the time axis of everything that is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from evergreen.domain.errors import WindowInvalid

HOUR = timedelta(hours=1)
HOURS_A_WEEK = 168
THURSDAY = 72  # hours from Monday 00:00 to the weekday that the epoch began on


def as_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; a naive datetime raises `WindowInvalid`."""
    if moment.tzinfo is None:
        raise WindowInvalid(
            f"{moment.isoformat()} has no time zone; write it with one, e.g. +00:00"
        )
    return moment.astimezone(UTC)


def floor_hour(moment: datetime) -> datetime:
    """Return the start of the hour that the moment lies in, in UTC."""
    return as_utc(moment).replace(minute=0, second=0, microsecond=0)


def hour_key(hour: datetime) -> str:
    """Return the hour as folder names spell it: `2011-11-07T13`."""
    return as_utc(hour).strftime("%Y-%m-%dT%H")


def parse_hour(key: str) -> datetime:
    """Return the hour that a key such as `2011-11-07T13` names.

    Raises:
        WindowInvalid: the key is not spelt like that.
    """
    try:
        hour = datetime.fromisoformat(key).replace(tzinfo=UTC)
    except ValueError:
        hour = None
    if hour is None or hour_key(hour) != key:
        raise WindowInvalid(f"hour {key!r} is not spelt like 2011-11-07T13")
    return hour


def hour_of_week(moment: datetime) -> int:
    """Return 0 (Monday 00:00 UTC) to 167 (Sunday 23:00 UTC)."""
    utc = as_utc(moment)
    return utc.weekday() * 24 + utc.hour


def hours_of_week(hours: Sequence[datetime]) -> list[int]:
    """Return `hour_of_week` of many hours with a time zone, quickly."""
    return [(int(hour.timestamp()) // 3600 + THURSDAY) % HOURS_A_WEEK for hour in hours]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The hours of `[start, end)`, both on the hour, in UTC.

    Raises:
        WindowInvalid: a border is naive or off the hour, or `end` is before `start`.

    Example:
        >>> w = Window.last(timedelta(hours=2), until=datetime(2011, 5, 2, 12, tzinfo=UTC))
        >>> [hour_key(h) for h in w.hours()]
        ['2011-05-02T10', '2011-05-02T11']
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            moment = getattr(self, name)
            if as_utc(moment) != floor_hour(moment):
                raise WindowInvalid(f"window {name} {moment.isoformat()} is not on the hour")
            object.__setattr__(self, name, as_utc(moment))
        if self.end < self.start:
            raise WindowInvalid(f"window ends ({self.end}) before it starts ({self.start})")

    @classmethod
    def last(cls, length: timedelta, *, until: datetime) -> Window:
        """Return the window of this length that ends at `until`."""
        return cls(until - length, until)

    @classmethod
    def of_hour(cls, hour: datetime) -> Window:
        """Return the one-hour window that starts at `hour`."""
        return cls(hour, hour + HOUR)

    @property
    def length(self) -> timedelta:
        """How long the window is."""
        return self.end - self.start

    def hours(self) -> Iterator[datetime]:
        """Yield the start of every hour, oldest first."""
        hour = self.start
        while hour < self.end:
            yield hour
            hour += HOUR

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= as_utc(moment) < self.end

    def __str__(self) -> str:
        return f"[{hour_key(self.start)}, {hour_key(self.end)})"
