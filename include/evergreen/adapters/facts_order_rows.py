"""What is wrong with single order lines: each fault said once, to count it and to show its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from evergreen.adapters.engine_plan import footer_of
from evergreen.adapters.facts_files import open_hour
from evergreen.adapters.facts_hours import DAMAGE
from evergreen.adapters.lake import HourClosing, Lake
from evergreen.adapters.lake_tables import ORDERS, UTC_TIME
from evergreen.domain.errors import EvergreenError
from evergreen.domain.windows import HOUR, hour_key

TOGETHER_ROWS = 500_000
"""Order lines that are read at once, unless one hour has more."""
SCOPE, WHOLE = "__scope", "__whole"
HOUR_IN_PATH = r"hour=(\d{4}-\d{2}-\d{2}T\d{2})/[^/]+$"
LINE = ("order_id", "item_id", "line")
_price, _start = pl.col("unit_price"), pl.col(SCOPE) + ":00"
_hour = _start.str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", time_zone="UTC")
_inside = pl.col(ORDERS.time).is_between(_hour, _hour + HOUR, closed="left")


def _lacks(column: str) -> pl.Expr:
    return pl.col(column).is_null() | (pl.col(column).cast(pl.String) == "")


ORDER_FACTS: Mapping[str, pl.Expr] = {
    "outside_hour": ~_inside.fill_null(value=False),
    "null_ids": _lacks("order_id") | _lacks("item_id"),
    "duplicate_rows": ~pl.col(WHOLE).is_first_distinct(),
    "negative_prices": (_price < 0).fill_null(value=False),
    "missing_prices": ~_price.is_finite().fill_null(value=False),
    "quantities_below_1": ~(pl.col("quantity") >= 1).fill_null(value=False),
}
"""Which order lines break a fact; of equal lines the first one breaks none."""


def read_orders(
    lake: Lake, closings: Sequence[HourClosing]
) -> Iterator[tuple[pl.DataFrame, dict[str, tuple[int, EvergreenError]]]]:
    """Yield the lines of several hours at a time, and the hours that cannot be read.

    Returns:
        Canonical columns, `SCOPE` (the hour's key) and `WHOLE` (a hash of the hour and every
        column); and by hour its rows as far as known, and what is wrong.

    Raises:
        LakeUnreachable: the lake cannot be read now.
    """
    for batch in _batches(closings):
        try:
            yield _read_at_once(lake, batch), {}
        except (pl.exceptions.PolarsError, OSError, *DAMAGE):
            yield _read_each(lake, batch)


def key_of(columns: Sequence[str]) -> pl.Expr:
    """Return a 64-bit hash of these columns together."""
    return pl.struct(columns).hash()


def _batches(closings: Sequence[HourClosing]) -> Iterator[list[HourClosing]]:
    batch: list[HourClosing] = []
    for closing in closings:
        if batch and sum(c.rows for c in batch) + closing.rows > TOGETHER_ROWS:
            yield batch
            batch = []
        if closing.files:
            batch.append(closing)
    if batch:
        yield batch


def _read_at_once(lake: Lake, closings: Sequence[HourClosing]) -> pl.DataFrame:
    uris = [lake.files.uri(f"{ORDERS.name}/{f.path}") for c in closings for f in c.files]
    _require_contract(lake, uris)
    lazy = pl.scan_parquet(
        uris, glob=False, hive_partitioning=False, include_file_paths=SCOPE, extra_columns="raise"
    )
    own = lazy.collect_schema().names()
    lazy = lazy.rename({name: lake.canonical_name(name) for name in own})
    rows = lazy.with_columns(pl.col(SCOPE).str.extract(HOUR_IN_PATH)).collect()
    return _finished(rows)


def _require_contract(lake: Lake, uris: Sequence[str]) -> None:
    """Look at every file: a scan of many takes a time without a zone for one of the first's."""
    for uri, footer in zip(uris, lake.files.each(footer_of, uris), strict=True):
        types = pl.Schema(footer.schema.to_arrow_schema().remove_metadata())
        ORDERS.check({lake.canonical_name(own): held for own, held in types.items()}, uri)


def _read_each(
    lake: Lake, closings: Sequence[HourClosing]
) -> tuple[pl.DataFrame, dict[str, tuple[int, EvergreenError]]]:
    frames = [_finished(ORDERS.empty().with_columns(pl.lit("").alias(SCOPE)))]
    damaged: dict[str, tuple[int, EvergreenError]] = {}
    for closing in closings:
        scope, rows = hour_key(closing.hour), 0
        try:
            files = open_hour(lake, ORDERS.name, closing, {})
            rows = sum(file.rows for file in files)
            lines = lake.read_files(ORDERS.name, [file.path for file in closing.files])
            frames.append(_finished(lines.with_columns(pl.lit(scope).alias(SCOPE))))
        except DAMAGE as error:
            damaged[scope] = rows, error
    return pl.concat(frames, how="diagonal_relaxed"), damaged


def _finished(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the lines in canonical types, with the optional columns and a hash of all."""
    rows = ORDERS.cast(rows).with_columns(pl.col(ORDERS.time).cast(UTC_TIME))
    absent = [
        pl.lit(None, held).alias(name)
        for name, held in ORDERS.optional.items()
        if name not in rows.columns
    ]
    return rows.with_columns(absent).with_columns(key_of(sorted({*rows.columns})).alias(WHOLE))
