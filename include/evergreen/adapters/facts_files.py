"""The files of one closed hour: their types against the contract, and their rows in pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from evergreen.adapters.engine_numbers import scan
from evergreen.adapters.engine_plan import HourFile, footer_of, kind_of, problem_of
from evergreen.adapters.lake import HourClosing, Lake
from evergreen.adapters.lake_tables import TABLES
from evergreen.adapters.unread import unread
from evergreen.domain.bins import Bins
from evergreen.domain.errors import ColumnMissing, ColumnTypeWrong, EvergreenError

PIECE_ROWS = 500_000
"""Rows that are read at once: a file's columns are read few at a time instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """One file of an hour.

    Parameters:
        types: canonical column name to Polars' type, of every column in the file.
        problems: why columns beyond the contract cannot be counted.
        damage: the contract that the file breaks; then nothing in it is counted.
    """

    file: HourFile
    types: Mapping[str, pl.DataType]
    problems: Mapping[str, str]
    damage: EvergreenError | None

    @property
    def rows(self) -> int:
        """Rows that its footer tells."""
        return int(self.file.metadata.num_rows)


def open_hour(
    lake: Lake, table: str, closing: HourClosing, columns: Mapping[str, Bins]
) -> list[OpenFile]:
    """Return the files of an hour by their footers.

    Parameters:
        columns: the columns beyond the contract that are wanted, and what they are counted in.

    Raises:
        FileCorrupt: a file is not Parquet, or gone.
    """
    uris = [lake.files.uri(f"{table}/{entry.path}") for entry in closing.files]
    return [_open(lake, table, closing.hour, uri, columns) for uri in uris]


def _open(
    lake: Lake, table: str, hour: datetime, uri: str, columns: Mapping[str, Bins]
) -> OpenFile:
    try:
        metadata = footer_of(uri)
        schema = pl.Schema(metadata.schema.to_arrow_schema().remove_metadata())
    except UnicodeDecodeError as error:  # a column's name is no text
        raise unread(uri, error) from None
    types = {lake.canonical_name(own): held for own, held in schema.items()}
    damage: EvergreenError | None = None
    try:
        TABLES[table].check(types, uri)
    except (ColumnMissing, ColumnTypeWrong) as error:
        damage = error
    problems = {
        name: problem_of(name, types.get(name), bins, uri)
        for name, bins in columns.items()
        if kind_of(types.get(name), bins) is None
    }
    file = HourFile(hour=hour, uri=uri, metadata=metadata)
    return OpenFile(file=file, types=types, problems=problems, damage=damage)


def starts_of(opened: OpenFile) -> range:
    """Return the first row of each piece of a file."""
    return range(0, opened.rows, PIECE_ROWS)


def piece_of(lake: Lake, opened: OpenFile, columns: Sequence[str], start: int) -> pl.DataFrame:
    """Return the rows of a piece of a file, under canonical names.

    Raises:
        FileCorrupt: its pages cannot be read.
    """
    try:
        lazy = scan(lake, [opened.file], columns)
        return lazy.slice(start, PIECE_ROWS).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unread(opened.file.uri, error) from None
