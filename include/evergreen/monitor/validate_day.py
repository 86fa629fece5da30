"""Whether a closed day is whole: its hours, its row counts, its columns and types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import EvergreenError
from evergreen.domain.windows import Window, hour_key

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
PROBLEMS_KEPT = 20  # a broken day breaks in every hour; the first ones tell


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """What was found in one day of the lake.

    `hours` and `rows` count by table; `rows_week_before` is None where that day has no hour at all,
    so that the rows have nothing to be compared with.
    """

    day: datetime
    verdict: str
    hours: dict[str, int]
    rows: dict[str, int]
    rows_week_before: dict[str, int | None]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict == "passed"

    def body(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {**asdict(self), "day": self.day.isoformat(), "problems": list(self.problems)}


def validate_day(spec: ModelSpec, day: datetime, *, lake: Lake) -> DayReport:
    """Return what is wrong with a day of the lake.

    A table has passed when it has `validate.min_hours` closed hours, every hour can be read with
    the contract's columns and types and holds as many rows as its `_SUCCESS` says, and its rows
    are not fewer than `1 - validate.max_row_drop` times those of the same weekday a week before.
    `orders` are looked at where the lake has any.

    Args:
        day: Its start, in UTC.
    """
    window = Window(day, day + DAY)
    hours: dict[str, int] = {}
    rows: dict[str, int] = {}
    before: dict[str, int | None] = {}
    problems: list[str] = []
    for table in _tables(lake):
        closed = lake.closed_hours(table, window)
        hours[table] = len(closed)
        rows[table] = _rows(lake, table, window) or 0
        before[table] = _rows(lake, table, Window(window.start - WEEK, window.end - WEEK))
        problems += _completeness(table, window, closed, spec.validation.min_hours)
        problems += _row_drop(table, rows[table], before[table], spec.validation.max_row_drop)
        problems += _contents(lake, table, closed)
    return DayReport(
        day=day,
        verdict="failed" if problems else "passed",
        hours=hours,
        rows=rows,
        rows_week_before=before,
        problems=tuple(problems[:PROBLEMS_KEPT]),
    )


def _tables(lake: Lake) -> list[str]:
    has_orders = lake.newest_closed_hour("orders") is not None
    return ["impressions", "orders"] if has_orders else ["impressions"]


def _rows(lake: Lake, table: str, window: Window) -> int | None:
    closings = [lake.closing(table, hour) for hour in lake.closed_hours(table, window)]
    return sum(closing.rows for closing in closings if closing) if closings else None


def _completeness(
    table: str, window: Window, closed: list[datetime], min_hours: int
) -> Iterator[str]:
    if len(closed) >= min_hours:
        return
    missing = [hour_key(hour) for hour in window.hours() if hour not in closed]
    yield (
        f"{table}: {len(closed)} closed hours, expected {min_hours} or more; "
        f"not closed: {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
    )


def _row_drop(table: str, rows: int, before: int | None, max_drop: float) -> Iterator[str]:
    if before and rows < (1 - max_drop) * before:
        yield (
            f"{table}: {rows} rows, {1 - rows / before:.0%} fewer than the {before} of the same "
            f"weekday a week before (max_row_drop {max_drop:.0%})"
        )


def _contents(lake: Lake, table: str, closed: list[datetime]) -> Iterator[str]:
    """Read hour by hour, so that memory is bounded by an hour and the text names it."""
    for hour in closed:
        try:
            closing = lake.require_closed(table, hour)
            found = lake.read(table, Window.of_hour(hour)).height
        except EvergreenError as error:
            yield f"{type(error).__name__} in {hour_key(hour)}: {error}"
            continue
        if found != closing.rows:
            yield (
                f"{table} of {hour_key(hour)}: {found} rows found, its _SUCCESS says {closing.rows}"
            )
