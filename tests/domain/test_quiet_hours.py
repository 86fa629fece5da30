"""Quiet hours at their borders: the two ends, midnight, clocks put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from evergreen.domain.errors import WindowInvalid
from evergreen.domain.quiet_hours import QuietHours, quiet_until

BERLIN = ZoneInfo("Europe/Berlin")


def quiet(start: str, end: str, zone: ZoneInfo = BERLIN) -> QuietHours:
    return QuietHours(start=time.fromisoformat(start), end=time.fromisoformat(end), zone=zone)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-01-10T21:59:59", None),
        ("2026-01-10T22:00", "2026-01-11T07:00"),
        ("2026-01-10T23:59:59", "2026-01-11T07:00"),
        ("2026-01-11T00:00", "2026-01-11T07:00"),
        ("2026-01-11T06:59:59", "2026-01-11T07:00"),
        ("2026-01-11T07:00", None),
        ("2026-01-11T12:00", None),
    ],
)
def test_over_midnight(moment: str, until: str | None) -> None:
    expected = berlin(until) if until else None
    assert quiet_until(berlin(moment), quiet("22:00", "07:00")) == expected


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-01-10T11:59", None),
        ("2026-01-10T12:00", "2026-01-10T13:00"),
        ("2026-01-10T13:00", None),
        ("2026-01-10T00:00", None),
    ],
)
def test_within_a_day(moment: str, until: str | None) -> None:
    expected = berlin(until) if until else None
    assert quiet_until(berlin(moment), quiet("12:00", "13:00")) == expected


def test_until_midnight_and_from_midnight() -> None:
    assert quiet_until(berlin("2026-01-10T23:00"), quiet("22:00", "00:00")) == berlin("2026-01-11")
    assert quiet_until(berlin("2026-01-11T00:00"), quiet("22:00", "00:00")) is None
    assert quiet_until(berlin("2026-01-11T00:00"), quiet("00:00", "06:00")) == berlin(
        "2026-01-11T06:00"
    )


@pytest.mark.parametrize(
    ("begins", "hours"),
    [("2026-03-28T22:00", 8), ("2026-10-24T22:00", 10), ("2026-06-01T22:00", 9)],
)
def test_a_night_is_as_long_as_the_clock_makes_it(begins: str, hours: int) -> None:
    """Berlin's clocks go from 02:00 to 03:00 on 29 March and from 03:00 to 02:00 on 25 October."""
    start = berlin(begins)
    assert quiet_until(start, quiet("22:00", "07:00")) == start + timedelta(hours=hours)


def test_an_end_that_the_clock_skips_is_where_it_would_have_been() -> None:
    assert quiet_until(berlin("2026-03-29T01:30"), quiet("23:00", "02:30")) == datetime(
        2026, 3, 29, 1, 30, tzinfo=UTC
    )  # 03:30 by the new clock


def test_an_end_that_comes_twice_is_the_first_one() -> None:
    hours = quiet("23:00", "02:30")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert quiet_until(berlin("2026-10-25T02:29", fold=0), hours) == first
    assert quiet_until(first, hours) is None
    assert quiet_until(berlin("2026-10-25T02:10", fold=1), hours) is None


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Pacific/Auckland", "America/St_Johns", "UTC"])
def test_the_end_is_never_in_the_past_and_is_not_quiet_itself(zone: str) -> None:
    hours = quiet("22:15", "06:45", ZoneInfo(zone))
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    for _ in range(2_000):
        until = quiet_until(moment, hours)
        if until is not None:
            assert moment < until <= moment + timedelta(hours=10)
            assert quiet_until(until, hours) is None
        moment += timedelta(minutes=37)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(WindowInvalid):
        quiet_until(datetime(2026, 1, 1), quiet("22:00", "07:00"))  # noqa: DTZ001
