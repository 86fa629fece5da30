"""The rows that break a fact, for people to look at: few of them, and no user can be named."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from evergreen.adapters.facts_files import OpenFile, open_hour, piece_of, starts_of
from evergreen.adapters.facts_hours import closings_of
from evergreen.adapters.facts_impressions import views_of_hours
from evergreen.adapters.facts_order_rows import LINE, ORDER_FACTS, SCOPE, WHOLE, key_of, read_orders
from evergreen.adapters.facts_rows import OPTIONAL, ROW_FACTS, CodedRows, Compared, coding
from evergreen.adapters.lake import HourClosing, Lake
from evergreen.adapters.lake_tables import IMPRESSIONS, ORDERS
from evergreen.domain.windows import Window

DAY = timedelta(hours=24)
DIGITS = 16
"""Hex digits kept of a hashed user id: enough to tell users apart."""


def failing_rows(
    lake: Lake,
    table: str,
    hour: datetime,
    fact: str,
    limit: int = 100,
    *,
    model: str = "",
    compared: Compared | None = None,
) -> pl.DataFrame | None:
    """Return the first rows of an hour that break a fact, all columns under canonical names.

    Parameters:
        fact: a column of the table's facts.
        limit: rows at most.
        model: salts the hashes of user ids; the lake's address where it is not given.
        compared: needed for facts about known versions and items.

    Returns:
        The rows with hashed user ids; None where no single row is at fault.

    Raises:
        FileCorrupt, ColumnMissing, ColumnTypeWrong: the hour cannot be read.
    """
    closing = lake.closing(table, hour)
    if closing is None:
        return None
    salt = model or lake.url
    if table == ORDERS.name:
        rows = _failing_orders(lake, closing, fact, limit)
    else:
        rows = _failing_impressions(lake, closing, fact, limit, compared or Compared())
    return None if rows is None else hashed_users(rows, salt)


def hashed_users(rows: pl.DataFrame, salt: str) -> pl.DataFrame:
    """Return the rows with the first 16 hex digits of SHA-256 of salt and user id."""
    if "user_id" not in rows.columns:
        return rows
    users = rows["user_id"].cast(pl.String)
    known = {user: _hashed(user, salt) for user in users.drop_nulls().unique()}
    return rows.with_columns(users.replace_strict(known, default=None, return_dtype=pl.String))


def _hashed(user: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}:{user}".encode()).hexdigest()[:DIGITS]


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
