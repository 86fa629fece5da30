"""What a lake holds: its tables, their hours, the columns of the newest hour that has rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from evergreen.adapters.lake import SUCCESS, HourClosing, Lake
from evergreen.adapters.lake_tables import TABLES
from evergreen.adapters.secret_free import secret_free
from evergreen.adapters.unread import unread
from evergreen.domain.errors import WindowEmpty
from evergreen.domain.windows import HOUR, Window

NEWEST = timedelta(days=56)
"""What is looked at: enough to learn from four weeks and to judge four. A lake may hold years, and
each hour of it is a question to an object store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSeen:
    """The newest eight weeks of one table of a lake.

    Parameters:
        listed_hours: folders of hours in the whole table, closed or not.
        rows: of each closed hour.
        schema: the lake's own names and types, of the newest hour with rows; {} without one.
        schema_hour: that hour.
    """

    name: str
    listed_hours: int
    rows: Mapping[datetime, int]
    schema: Mapping[str, pl.DataType]
    schema_hour: datetime | None

    @property
    def window(self) -> Window | None:
        """From the first to the newest closed hour; None where no hour is closed."""
        return Window(min(self.rows), max(self.rows) + HOUR) if self.rows else None


def look(url: str) -> dict[str, TableSeen]:
    """Return the tables of a lake by name; a table that is not there has no hours.

    Raises:
        WindowEmpty: there are no closed impressions; the text says what is there instead.
        LakeUnreachable, FileCorrupt: it cannot be read.
    """
    lake = Lake(url)
    seen = {name: _look_at(lake, name) for name in TABLES}
    impressions = seen["impressions"]
    if not impressions.rows:
        raise WindowEmpty(_nothing(lake))
    if impressions.schema_hour is None:
        raise WindowEmpty(
            f"{secret_free(url)}/impressions has {len(impressions.rows)} closed hours in the "
            f"newest {NEWEST.days} days, and none has a row"
        )
    return seen


def _look_at(lake: Lake, table: str) -> TableSeen:
    newest = lake.newest_closed_hour(table)
    recent = Window.last(NEWEST, until=newest + HOUR) if newest else None
    closings = lake.closings(table, recent) if recent else {}
    schema, schema_hour = _schema(lake, table, closings)
    return TableSeen(
        name=table,
        listed_hours=len(lake.listed_hours(table)),
        rows={hour: closing.rows for hour, closing in closings.items()},
        schema=schema,
        schema_hour=schema_hour,
    )


def _schema(
    lake: Lake, table: str, closings: Mapping[datetime, HourClosing]
) -> tuple[dict[str, pl.DataType], datetime | None]:
    for hour in sorted(closings, reverse=True):
        for entry in closings[hour].files:
            if entry.rows:
                uri = lake.files.uri(f"{table}/{entry.path}")
                try:
                    return dict(pl.read_parquet_schema(uri)), hour
                except (pl.exceptions.PolarsError, OSError) as error:
                    raise unread(uri, error) from None
    return {}, None


def _nothing(lake: Lake) -> str:
    where = secret_free(lake.url)
    open_hours = lake.listed_hours("impressions")
    if open_hours:
        return (
            f"{where}/impressions has {len(open_hours)} hours, and none is closed: write {SUCCESS} "
            f"(empty, or JSON) into an hour's folder after its files"
        )
    inside = lake.files.list("impressions")
    if inside:
        return (
            f"{where}/impressions has no folder hour=2025-03-07T10 (UTC), but "
            f"{', '.join(inside[:3])}; write one folder an hour"
        )
    beside = lake.files.list()
    there = f"it has {', '.join(beside[:8])}" if beside else "it is empty, or not there"
    return (
        f"{where} has no folder impressions: {there}. Expected "
        f"{where}/impressions/hour=2025-03-07T10/part-0.parquet and {SUCCESS}"
    )
