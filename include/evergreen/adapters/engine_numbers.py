"""Numbers into their bins by Polars' streaming engine: one sum of `column <= edge` an edge.

A bin is the difference of two such sums. Nothing is sorted, looked up or kept, so this costs little
more than decoding the columns, and memory does not grow with the rows. Rows that do not count are
mostly few: they are counted too and then taken off, which is cheaper than masking every column.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from evergreen.adapters.engine_plan import HourFile, SameSchema
from evergreen.adapters.lake import Lake
from evergreen.adapters.unread import unread
from evergreen.domain.bins import NumericBins

TOGETHER_ROWS = 500_000
"""Rows of small files that are read by one query, at most."""
SLICE_ROWS = 250_000
"""Rows of a big file that one query reads: what Polars reads ahead of us is bounded by this."""


def count_numbers(
    lake: Lake,
    same: SameSchema,
    bins: Mapping[str, NumericBins],
    left_out: Mapping[str, np.ndarray],
) -> dict[str, dict[str, np.ndarray]]:
    """Return by file and column the rows in each bin.

    Parameters:
        left_out: by file the positions of its rows that do not count, increasing.

    Raises:
        FileCorrupt: a file's pages cannot be read.
    """
    if not bins:
        return {}
    totals: dict[str, np.ndarray] = {}
    for files in _batches(same.files):
        try:
            totals.update(_count(lake, files, same.types, bins, left_out))
        except (pl.exceptions.PolarsError, OSError):
            for file in files:  # one by one, to name the one that is broken
                try:
                    totals.update(_count(lake, [file], same.types, bins, left_out))
                except (pl.exceptions.PolarsError, OSError) as error:
                    raise unread(file.uri, error) from None
    return {uri: _bins_of(total, bins) for uri, total in totals.items()}


def as_float32(name: str, held: pl.DataType) -> pl.Expr:
    """Return the column as the bins compare it; every engine goes to float32 through float64."""
    column = pl.col(name)
    return column if held == pl.Float32 else column.cast(pl.Float64).cast(pl.Float32)


def scan(lake: Lake, files: Sequence[HourFile], columns: Sequence[str]) -> pl.LazyFrame:
    """Return these columns of files of one schema under their canonical names, in order."""
    lazy = pl.scan_parquet([file.uri for file in files], glob=False, hive_partitioning=False)
    return lazy.select(pl.col(lake.own_name(column)).alias(column) for column in columns)


def _batches(files: Sequence[HourFile]) -> list[list[HourFile]]:
    batches: list[list[HourFile]] = []
    held = TOGETHER_ROWS
    for file in files:
        held += file.metadata.num_rows
        if held > TOGETHER_ROWS:
            batches.append([])
            held = file.metadata.num_rows
        batches[-1].append(file)
    return batches


def _count(
    lake: Lake,
    files: Sequence[HourFile],
    types: Mapping[str, pl.DataType],
    bins: Mapping[str, NumericBins],
    left_out: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    sums = [total for name, reference in bins.items() for total in _sums(name, reference)]
    totals = {file.uri: np.zeros(len(sums), dtype=np.int64) for file in files}
    columns = scan(lake, files, list(bins)).select(as_float32(name, types[name]) for name in bins)
    held = sum(file.metadata.num_rows for file in files)
    frames = (
        columns.slice(start, SLICE_ROWS).collect(engine="streaming")
        for start in range(0, held, SLICE_ROWS)
    )
    for file, first, rows in _by_file(files, frames):
        out = left_out[file.uri]
        start, end = np.searchsorted(out, [first, first + rows.height])
        totals[file.uri] += rows.select(sums).row(0)
        if end > start:
            totals[file.uri] -= _sums_of_few(rows[out[start:end] - first], bins)
    return totals


def _by_file(
    files: Sequence[HourFile], frames: Iterator[pl.DataFrame]
) -> Iterator[tuple[HourFile, int, pl.DataFrame]]:
    """Yield the rows of each file with the position of the first one, as they come in order."""
    rest = iter(files)
    file, first = next(rest), 0
    for frame in frames:
        while frame.height:
            while first >= file.metadata.num_rows:
                file, first = next(rest), 0
            rows = frame.head(file.metadata.num_rows - first)
            yield file, first, rows
            first += rows.height
            frame = frame.slice(rows.height)


def _sums(name: str, bins: NumericBins) -> list[pl.Expr]:
    column = pl.col(name)
    below = [(column <= edge).sum() for edge in bins.edges]
    totals = [*below, column.is_not_nan().sum(), pl.len()]
    return [total.alias(f"{name}|{i}") for i, total in enumerate(totals)]


def _sums_of_few(rows: pl.DataFrame, bins: Mapping[str, NumericBins]) -> np.ndarray:
    """Return the same sums by NumPy: for few rows, planning Polars' expressions would cost more."""
    totals: list[int] = []
    columns = rows.fill_null(float("nan")).to_numpy(order="fortran").T  # no row equals a NaN
    for column, reference in zip(columns, bins.values(), strict=True):
        totals += [int(np.count_nonzero(column <= np.float32(edge))) for edge in reference.edges]
        totals += [int(np.count_nonzero(~np.isnan(column))), rows.height]
    return np.array(totals, dtype=np.int64)


def _bins_of(totals: np.ndarray, bins: Mapping[str, NumericBins]) -> dict[str, np.ndarray]:
    sizes = [reference.size for reference in bins.values()]
    ends = itertools.accumulate(sizes)
    return {
        name: np.diff(totals[end - size : end], prepend=0)
        for name, size, end in zip(bins, sizes, ends, strict=True)
    }
