"""Half-open windows of whole hours: borders, keys and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from evergreen.domain.errors import WindowInvalid
from evergreen.domain.windows import (
    Window,
    as_utc,
    floor_hour,
    hour_key,
    hour_of_week,
    parse_hour,
)

NOON = datetime(2011, 5, 2, 12, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))


def test_a_key_goes_there_and_back() -> None:
    assert hour_key(NOON) == "2011-05-02T12"
    assert parse_hour("2011-05-02T12") == NOON
    assert hour_key(datetime(2011, 5, 2, 21, 59, tzinfo=TOKYO)) == "2011-05-02T12"


@pytest.mark.parametrize("key", ["2011-05-02", "2011-05-02T24", "2011-05-02T12:00", "", "noon"])
def test_a_key_that_is_spelt_otherwise(key: str) -> None:
    with pytest.raises(WindowInvalid, match=r"is not spelt like 2011-11-07T13"):
        parse_hour(key)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(WindowInvalid, match=r"2011-05-02T12:00:00 has no time zone"):
        as_utc(datetime(2011, 5, 2, 12))  # noqa: DTZ001


def test_floor_goes_to_utc() -> None:
    assert floor_hour(datetime(2011, 5, 2, 21, 59, 59, 999, tzinfo=TOKYO)) == NOON
    assert floor_hour(NOON) == NOON


def test_hour_of_week_counts_from_monday() -> None:
    assert hour_of_week(datetime(2011, 5, 2, 0, tzinfo=UTC)) == 0
    assert hour_of_week(datetime(2011, 5, 8, 23, tzinfo=UTC)) == 167
    assert hour_of_week(datetime(2011, 5, 2, 0, tzinfo=TOKYO)) == 6 * 24 + 15  # Sunday, UTC


def test_the_end_is_outside() -> None:
    window = Window.of_hour(NOON)
    assert NOON in window
    assert NOON + timedelta(minutes=59, seconds=59) in window
    assert NOON + timedelta(hours=1) not in window
    assert NOON - timedelta(microseconds=1) not in window


def test_last_ends_at_until() -> None:
    window = Window.last(timedelta(days=7), until=NOON)
    assert (window.start, window.end) == (NOON - timedelta(days=7), NOON)
    assert window.length == timedelta(days=7)
    assert len(list(window.hours())) == 168
    assert str(window) == "[2011-04-25T12, 2011-05-02T12)"


def test_an_empty_window_holds_nothing() -> None:
    window = Window(NOON, NOON)
    assert list(window.hours()) == []
    assert NOON not in window


def test_borders_are_kept_in_utc() -> None:
    window = Window(NOON.astimezone(TOKYO), NOON.astimezone(TOKYO) + timedelta(hours=1))
    assert window == Window.of_hour(NOON)
    assert window.start.tzinfo is UTC


def test_what_is_no_window() -> None:
    with pytest.raises(WindowInvalid, match=r"ends .* before it starts"):
        Window(NOON, NOON - timedelta(hours=1))
    with pytest.raises(WindowInvalid, match=r"window end 2011-05-02T12:30:00.* not on the hour"):
        Window(NOON, NOON + timedelta(minutes=30))
    with pytest.raises(WindowInvalid, match="no time zone"):
        Window(datetime(2011, 5, 2), NOON)  # noqa: DTZ001
