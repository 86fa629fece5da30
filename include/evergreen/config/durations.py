"""Durations as people write them in `model.yaml` and on the command line: `45m`, `24h`, `28d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


def parse_duration(text: object) -> timedelta:
    """Return the duration that a text such as `90m` or `28d` names.

    Raises:
        ValueError: the text is not a number followed by one of s, m, h, d, w.
    """
    if isinstance(text, timedelta):
        return text
    match = _PATTERN.fullmatch(str(text).strip())
    try:
        if match is not None:
            return timedelta(seconds=float(match[1]) * UNITS[match[2]])
    except OverflowError:
        pass  # longer than time itself
    raise ValueError(f"{text!r} is not a duration; write a number and s, m, h, d or w: 24h, 28d")


def format_duration(duration: timedelta) -> str:
    """Return the shortest text that `parse_duration` reads back: 28 days as `28d`."""
    seconds = duration.total_seconds()
    for unit, length in sorted(UNITS.items(), key=lambda item: -item[1]):
        if unit != "w" and seconds and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)
]
