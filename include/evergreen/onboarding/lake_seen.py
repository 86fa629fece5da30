"""What a lake holds: its tables, their hours, the columns of the newest hour that has rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from evergreen.adapters.lake import SUCCESS, Lake
from evergreen.adapters.lake_tables import TABLES
from evergreen.adapters.secret_free import secret_free
from evergreen.adapters.unread import unread
from evergreen.domain.errors import WindowEmpty
from evergreen.domain.windows import HOUR, Window

LOOK_BACK_HOURS = 24 * 14
"""How many of the newest closed hours are looked at for one that has rows."""
NEWEST = timedelta(days=28)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSeen:
    """One table of a lake.

    Parameters:
        first, newest: closed hours; None where no hour is closed.
        closed_hours: how many there are.
        rows: of each closed hour of the newest 28 days.
        schema: the lake's own names and types, of the newest hour with rows; {} without one.
        schema_hour: that hour.
    """

    name: str
    first: datetime | None
    newest: datetime | None
    closed_hours: int
    rows: Mapping[datetime, int]
    schema: Mapping[str, pl.DataType]
    schema_hour: datetime | None

    @property
    def window(self) -> Window | None:
        """From the first to the newest closed hour."""
        if self.first is None or self.newest is None:
            return None
        return Window(self.first, self.newest + HOUR)


def look(url: str) -> dict[str, TableSeen]:
    """Return the tables of a lake by name; a table that is not there has no hours.

    Raises:
        WindowEmpty: there are no closed impressions; the text says what is there instead.
        LakeUnreachable, FileCorrupt: it cannot be read.
    """
    lake = Lake(url)
    seen = {name: _look_at(lake, name) for name in TABLES}
    impressions = seen["impressions"]
    if not impressions.closed_hours:
        raise WindowEmpty(_nothing(lake))
    if impressions.schema_hour is None:
        raise WindowEmpty(
            f"{secret_free(url)}/impressions has {impressions.closed_hours} closed hours, and none "
            f"of the newest {min(impressions.closed_hours, LOOK_BACK_HOURS)} has a row"
        )
    return seen


def _look_at(lake: Lake, table: str) -> TableSeen:
    hours = lake.closed_hours(table)
    schema, schema_hour = _schema(lake, table, hours)
    newest = hours[-1] if hours else None
    recent = Window.last(NEWEST, until=newest + HOUR) if newest else None
    closings = lake.closings(table, recent) if recent else {}
    return TableSeen(
        name=table,
        first=hours[0] if hours else None,
        newest=newest,
        closed_hours=len(hours),
        rows={hour: closing.rows for hour, closing in closings.items()},
        schema=schema,
        schema_hour=schema_hour,
    )


def _schema(
    lake: Lake, table: str, hours: list[datetime]
) -> tuple[dict[str, pl.DataType], datetime | None]:
    for hour in reversed(hours[-LOOK_BACK_HOURS:]):
        for entry in lake.require_closed(table, hour).files:
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
