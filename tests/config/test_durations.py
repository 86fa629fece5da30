"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evergreen.config.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("28d", timedelta(days=28)),
        ("2w", timedelta(days=14)),
        (" 1.5 h ", timedelta(minutes=90)),
        ("0h", timedelta(0)),
        (timedelta(hours=3), timedelta(hours=3)),
    ],
)
def test_what_is_read(text: object, wanted: timedelta) -> None:
    assert parse_duration(text) == wanted


@pytest.mark.parametrize("text", ["", "h", "24", "-1h", "1h30m", "24 hours", "1e3s", None, 24])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write a number and s, m, h, d or w"):
        parse_duration(text)


def test_longer_than_time_itself() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration("9999999999w")


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(days=28), "28d"),
        (timedelta(weeks=1), "7d"),
        (timedelta(hours=36), "36h"),
        (timedelta(minutes=90), "90m"),
        (timedelta(seconds=61), "61s"),
        (timedelta(0), "0s"),
        (timedelta(milliseconds=500), "0.5s"),
    ],
)
def test_what_is_written_is_read_back(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text
    assert parse_duration(text) == duration
