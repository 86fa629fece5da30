"""Facts of hours: what every table's facts begin with, and how hours add up to their day.

Counts are kept one row an hour; the day's row is their sum. Only then are they made into shares, so
that an hour and the day are the same formula over different counts. What does not apply is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from evergreen.adapters.lake import HourClosing, Lake
from evergreen.domain.errors import (
    ColumnMissing,
    ColumnTypeWrong,
    EvergreenError,
    FileCorrupt,
    WindowInvalid,
)
from evergreen.domain.quality import DAY_SCOPE
from evergreen.domain.windows import Window, hour_key, parse_hour

WEEK = timedelta(days=7)
OF_AN_HOUR: dict[str, pl.DataType] = {
    "scope": pl.String(),
    "closed": pl.Boolean(),
    "readable": pl.Boolean(),
    "contract": pl.Boolean(),
    "problem": pl.String(),
    "generation": pl.Int64(),
    "rows": pl.Int64(),
    "unexpected_rows": pl.Int64(),
    "week_before": pl.Int64(),
}
"""What is known of an hour before its rows are looked at; `week_before`: rows a week earlier."""
SAID = (*list(OF_AN_HOUR)[1:-1], "row_ratio")
COMPARABLE = 0.5
"""Share of a day's hours whose row counts of a week before must be known to compare the day."""
DAMAGE = (FileCorrupt, ColumnMissing, ColumnTypeWrong, WindowInvalid)
"""What is a fact about an hour; every other error, such as a store out of reach, is raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour of a table as its `_SUCCESS` tells it.

    Parameters:
        closing: None while it is not closed, or where `damage` is.
        damage: why its `_SUCCESS` cannot be read.
        week_before: rows of the same hour 7 days before; None where that is not known.
    """

    hour: datetime
    closing: HourClosing | None
    damage: EvergreenError | None
    week_before: int | None

    @property
    def closed(self) -> bool:
        """Whether somebody closed it, well or not."""
        return self.closing is not None or self.damage is not None


def hours_of(lake: Lake, table: str, window: Window) -> list[Hour]:
    """Return every hour of a window, closed or not, oldest first."""
    before = closings_of(lake, table, Window(window.start - WEEK, window.end - WEEK))
    found = closings_of(lake, table, window)
    return [
        Hour(
            hour=hour,
            closing=said if isinstance(said, HourClosing) else None,
            damage=said if isinstance(said, EvergreenError) else None,
            week_before=_rows_of(before[hour - WEEK]),
        )
        for hour, said in found.items()
    ]


def closings_of(
    lake: Lake, table: str, window: Window
) -> dict[datetime, HourClosing | EvergreenError | None]:
    """Return what closed each hour of a window: None while it is open, or why that is unknown."""

    def ask(key: str) -> HourClosing | EvergreenError | None:
        try:
            return lake.closing(table, parse_hour(key))
        except DAMAGE as error:
            return error

    hours = list(window.hours())
    found: list[HourClosing | EvergreenError | None] = lake.files.each(ask, map(hour_key, hours))
    return dict(zip(hours, found, strict=True))


def record(hour: Hour, rows: int, problems: Sequence[EvergreenError | str] = ()) -> dict[str, Any]:
    """Return an hour's row of counts, to which its table's counts are added.

    Parameters:
        rows: rows found in its files.
        problems: why it could not be read or breaks the contract, the gravest first.
    """
    unread = any(isinstance(problem, FileCorrupt | WindowInvalid) for problem in problems)
    expected = hour.closing.rows if hour.closing and not unread else None
    return {
        "scope": hour_key(hour.hour),
        "closed": hour.closed,
        "readable": not unread if hour.closed else None,
        "contract": not problems if hour.closed and not unread else None,
        "problem": _text(problems[0]) if problems else "",
        "generation": hour.closing.generation if hour.closing else None,
        "rows": rows,
        "unexpected_rows": None if expected is None else abs(rows - expected),
        "week_before": hour.week_before,
    }


def with_day(
    records: Iterable[Mapping[str, Any]],
    counts: Mapping[str, pl.DataType],
    of_day: Mapping[str, pl.Expr],
) -> pl.DataFrame:
    """Return the hours' counts and, as the last row, the day's.

    Parameters:
        counts: the table's own counts and their types.
        of_day: how those of the hours make the day's where it is not their sum.
    """
    hours = pl.DataFrame([*records], schema={**OF_AN_HOUR, **counts})
    compared = pl.col("week_before").is_not_null()
    hours = hours.with_columns(compared=pl.when(compared).then("rows"))
    day = hours.select(
        pl.lit(DAY_SCOPE).alias("scope"),
        pl.col("closed").all(),
        pl.col("readable", "contract").drop_nulls().all(),
        pl.col("problem").filter(pl.col("problem") != "").first().fill_null(""),
        pl.col("generation").max(),
        pl.col("rows").sum(),
        total("unexpected_rows"),
        pl.when(compared.mean() >= COMPARABLE).then(pl.col("week_before").sum()),
        *(of_day.get(name, total(name)).alias(name) for name in counts),
        total("compared"),
    )
    return pl.concat([hours, day], how="vertical_relaxed")


def facts_of(counted: pl.DataFrame, formulas: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Return the table's facts: those of every table, then these, in this order."""
    ratio = pl.when("readable").then(share("compared", "week_before")).alias("row_ratio")
    made = [formula.alias(name) for name, formula in formulas.items()]
    facts = counted.with_columns(ratio, pl.lit("").alias("subject"), *made)
    return facts.select("scope", "subject", *SAID, *formulas)


def total(column: str) -> pl.Expr:
    """Return the sum of a count over the hours that have it, null where none has."""
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum()).alias(column)


def share(part: str | pl.Expr, whole: str | pl.Expr) -> pl.Expr:
    """Return part / whole, null where the whole is nothing or unknown."""
    part, whole = (pl.col(e) if isinstance(e, str) else e for e in (part, whole))
    return pl.when(whole > 0).then(part / whole)


def _rows_of(said: HourClosing | EvergreenError | None) -> int | None:
    return said.rows if isinstance(said, HourClosing) else None


def _text(problem: EvergreenError | str) -> str:
    return problem if isinstance(problem, str) else f"{type(problem).__name__}: {problem}"
