"""Writes rows to Parquet as they are made, in row groups of the size that training reads."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow.parquet as pq


class RowWriter:
    """A Parquet file that grows; a batch is in memory, no more. Use it in a `with` block.

    Args:
        path: a local path.
        group_rows: rows of a row group; only the last group has fewer.
    """

    def __init__(self, path: Path, *, group_rows: int) -> None:
        self.rows = 0
        self._path, self._group_rows = path, group_rows
        self._waiting: list[pl.DataFrame] = []
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._waiting:
            self._write(pl.concat(self._waiting))
        if self._file is not None:
            self._file.close()

    def add(self, rows: pl.DataFrame) -> None:
        """Append rows; every call has the same columns, and the first may be empty."""
        self.rows += rows.height
        self._waiting.append(rows)
        if sum(part.height for part in self._waiting) >= self._group_rows:
            ready = pl.concat(self._waiting)
            whole = ready.height - ready.height % self._group_rows
            self._write(ready.head(whole))
            self._waiting = [ready.tail(ready.height - whole)]

    def _write(self, rows: pl.DataFrame) -> None:
        table = rows.to_arrow()
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._file.write_table(table, row_group_size=self._group_rows)
