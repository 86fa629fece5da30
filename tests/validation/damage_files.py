"""Damage to files: hours that are missing, cut off, closed wrongly, or of another shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import polars as pl
from damage import Damage
from damaged_lake import DamagedLake, Edit

from evergreen.adapters.lake import SUCCESS

Table = Literal["impressions", "orders"]
TIME = {"impressions": "event_time", "orders": "order_time"}


def of_any_table(table: Table) -> Iterator[Damage]:
    """Yield the damage that every table can suffer."""
    time = TIME[table]

    def kind(name: str, fact: str, plant: Callable[[DamagedLake], None]) -> Damage:
        return Damage(name=f"{name} ({table})", table=table, plant=plant, caught_by=(table, fact))

    def rows(edit: Edit, *, close: bool = True) -> Callable[[DamagedLake], None]:
        return lambda lake: lake.edit(table, edit, close=close)

    yield kind("missing hour", "closed", lambda lake: lake.drop(table))
    yield kind("truncated Parquet file", "readable", lambda lake: _cut(lake, table, 2))
    yield kind("Parquet file of 0 bytes", "readable", lambda lake: _cut(lake, table, None))
    yield kind("file gone", "readable", lambda lake: lake.file(table).unlink())
    yield kind("_SUCCESS is no JSON", "readable", lambda lake: _babble(lake, table))
    yield kind(
        "fewer rows than _SUCCESS says",
        "unexpected_rows",
        rows(lambda frame: frame.head(-3), close=False),
    )
    yield kind("column missing", "contract", rows(lambda frame: frame.drop("item_id")))
    yield kind(
        "time zone lost",
        "contract",
        rows(lambda frame: frame.with_columns(pl.col(time).dt.replace_time_zone(None))),
    )
    yield kind(
        "clock off by an hour",
        "outside_hour",
        rows(lambda frame: frame.with_columns(pl.col(time).dt.offset_by("1h"))),
    )
    yield kind("time lost in some rows", "outside_hour", rows(some_null(time)))
    yield kind("item lost in some rows", "null_ids", rows(some_null("item_id")))


def some_null(column: str) -> Edit:
    """Return what empties a column in every tenth row."""
    tenth = pl.int_range(pl.len()) % 10 == 0
    return lambda frame: frame.with_columns(
        pl.when(tenth).then(None).otherwise(pl.col(column)).alias(column)
    )


def _cut(lake: DamagedLake, table: str, keep: int | None) -> None:
    """Keep one in `keep` of the file's bytes, from its start; None keeps none."""
    path = lake.file(table)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // keep] if keep else b"")
    lake.resize(table)


def _babble(lake: DamagedLake, table: str) -> None:
    (lake.own(table, lake.hour) / SUCCESS).write_text("done at 14:05\n")
