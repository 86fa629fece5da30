"""The rows that break a fact, for people to look at: few of them, and nobody can be named.

They are kept for longer than events and read by more people, so they have only the columns that the
lake's contract and the model know, and ids that lead to a person are hashed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from evergreen.adapters.facts_files import OpenFile, open_hour, piece_of, starts_of
from evergreen.adapters.facts_hours import closings_of
from evergreen.adapters.facts_impressions import views_of_hours
from evergreen.adapters.facts_order_rows import LINE, ORDER_FACTS, SCOPE, WHOLE, key_of, read_orders
from evergreen.adapters.facts_rows import OPTIONAL, ROW_FACTS, CodedRows, Compared, coding
from evergreen.adapters.hash_key import hidden
from evergreen.adapters.lake import HourClosing, Lake
from evergreen.adapters.lake_tables import IMPRESSIONS, ORDERS, TABLES
from evergreen.domain.windows import Window

DAY = timedelta(hours=24)
IDS = ("user_id", "order_id", "page_view_id")
"""Columns whose values lead to a person, by themselves or through the shop's own tables."""


def failing_rows(
    lake: Lake,
    table: str,
    hour: datetime,
    fact: str,
    limit: int = 100,
    *,
    model: str = "",
    compared: Compared | None = None,
    features: Collection[str] = (),
) -> pl.DataFrame | None:
    """Return the first rows of an hour that break a fact, known columns under canonical names.

    Parameters:
        fact: a column of the table's facts.
        limit: rows at most.
        model: ids of another one have other hashes; the lake's address where it is not given.
        compared: needed for facts about known versions and items.
        features: columns that are kept beside those of the table's contract.

    Returns:
        The rows with hashed ids of users, orders and page views; None where no single row is at
        fault.

    Raises:
        FileCorrupt, ColumnMissing, ColumnTypeWrong: the hour cannot be read.
    """
    closing = lake.closing(table, hour)
    if closing is None:
        return None
    if table == ORDERS.name:
        rows = _failing_orders(lake, closing, fact, limit)
    else:
        rows = _failing_impressions(lake, closing, fact, limit, compared or Compared())
    if rows is None:
        return None
    kept = {*TABLES[table].required, *TABLES[table].optional, *features}
    few = rows.select(name for name in rows.columns if name in kept)
    return _hashed(few, IDS, model or lake.url)


def hashed_users(rows: pl.DataFrame, scope: str) -> pl.DataFrame:
    """Return the rows with hashed user ids, which are this installation's and this scope's own."""
    return _hashed(rows, ("user_id",), scope)


def _hashed(rows: pl.DataFrame, columns: Collection[str], scope: str) -> pl.DataFrame:
    hashed = []
    for name in columns:
        if name in rows.columns:
            ids = rows[name].cast(pl.String)
            known = {one: hidden(one, scope) for one in ids.drop_nulls().unique()}
            hashed.append(ids.replace_strict(known, default=None, return_dtype=pl.String))
    return rows.with_columns(hashed)


def _failing_orders(lake: Lake, closing: HourClosing, fact: str, limit: int) -> pl.DataFrame | None:
    if fact not in (*ORDER_FACTS, "repeated_lines"):
        return None
    broken = ORDER_FACTS.get(fact)
    if broken is None:
        broken = key_of(LINE).is_in(_lines_before(lake, closing.hour).implode())
    for rows, damaged in read_orders(lake, [closing]):
        for _, error in damaged.values():
            raise error
        return rows.filter(broken).head(limit).drop(SCOPE, WHOLE)
    return None


def _lines_before(lake: Lake, hour: datetime) -> pl.Series:
    said = closings_of(lake, ORDERS.name, Window(hour - DAY, hour)).values()
    closings = [closing for closing in said if isinstance(closing, HourClosing)]
    keys = [rows.select(key_of(LINE)).to_series() for rows, _ in read_orders(lake, closings)]
    return pl.concat([pl.Series(dtype=pl.UInt64), *keys])


def _failing_impressions(
    lake: Lake, closing: HourClosing, fact: str, limit: int, compared: Compared
) -> pl.DataFrame | None:
    if not _is_of_rows(fact, compared):
        return None
    files = open_hour(lake, IMPRESSIONS.name, closing, {})
    for file in files:
        if file.damage:
            raise file.damage
    if not any(file.rows for file in files):
        return IMPRESSIONS.empty()
    rows = CodedRows(pl.concat(_coded(lake, file, closing.hour, compared) for file in files))
    if fact == "repeated_page_views":
        before = np.concatenate(views_of_hours(lake, Window(closing.hour - DAY, closing.hour)))
        broken = rows.frame["view"].is_in(pl.Series(before).implode()).fill_null(value=False)
    else:
        broken = rows.broken(fact)
    return _rows_at(lake, files, broken.arg_true().head(limit))


def _is_of_rows(fact: str, compared: Compared) -> bool:
    needed = {"unknown_versions": compared.versions, "unseen_items": compared.items}
    if fact in needed:
        return needed[fact] is not None
    return fact in ROW_FACTS or fact == "repeated_page_views"


def _coded(lake: Lake, file: OpenFile, hour: datetime, compared: Compared) -> pl.DataFrame:
    columns = [*IMPRESSIONS.required, *(name for name in OPTIONAL if name in file.types)]
    codes = coding(file.types, hour, compared)
    return pl.concat(
        piece_of(lake, file, columns, start).select(codes) for start in starts_of(file)
    )


def _rows_at(lake: Lake, files: list[OpenFile], places: pl.Series) -> pl.DataFrame:
    """Return whole rows by their positions in the hour."""
    found, first = [], 0
    for file in files:
        here = places.filter(places.is_between(first, first + file.rows - 1)) - first
        if here.len():
            lazy = pl.scan_parquet(file.file.uri, glob=False, hive_partitioning=False)
            chosen = pl.col("__row").is_in(here.implode())
            rows = lazy.with_row_index("__row").filter(chosen).drop("__row").collect()
            found.append(rows.rename(lake.canonical_name))
        first += file.rows
    empty = IMPRESSIONS.empty()
    return pl.concat(found, how="diagonal_relaxed") if found else empty
