"""What there is to count: a window's files by their schema, and the columns that cannot be read.

Only the files' footers are read here. A column that a file lacks, or whose type is of another kind
than its bins, is a problem of that hour; every other column is counted. The contract's own columns
are not optional: they raise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import IMPRESSIONS
from evergreen.adapters.object_store import open_store
from evergreen.adapters.unread import unread
from evergreen.domain.bins import Bins, NumericBins
from evergreen.domain.errors import WindowInvalid
from evergreen.domain.windows import Window, hour_key

Kind = Literal["number", "text", "null"]
COUNTED = ("page_view_id", "model_version", "source", "clicked", "position")
"""The contract's columns that every sketch reads."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS_A_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, slots=True, kw_only=True)
class HourFile:
    """One file of an hour; `metadata` is its Parquet footer."""

    hour: datetime
    uri: str
    metadata: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SameSchema:
    """Files of one schema.

    Parameters:
        kinds: the bins' columns that can be counted here, by what they hold.
        types: canonical column name to Polars' type, of every column in the files.
    """

    files: tuple[HourFile, ...]
    kinds: Mapping[str, Kind]
    types: Mapping[str, pl.DataType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The closed hours, their files by schema, and by hour the columns that cannot be counted."""

    hours: tuple[datetime, ...]
    schemas: tuple[SameSchema, ...]
    problems: Mapping[datetime, Mapping[str, str]]

    @property
    def rows(self) -> int:
        """Rows of all the files."""
        return sum(f.metadata.num_rows for same in self.schemas for f in same.files)


def plan_of(lake: Lake, window: Window, columns: Mapping[str, Bins]) -> Plan:
    """Return what a window's sketches read.

    Raises:
        FileCorrupt: a file is not Parquet, or gone.
        ColumnMissing, ColumnTypeWrong: a file breaks the table's contract.
        WindowInvalid: a file holds rows of another hour.
    """
    by_schema: dict[str, list[HourFile]] = {}
    schemas: dict[str, pa.Schema] = {}
    closings = lake.closings("impressions", window)
    uris = {
        lake.files.uri(f"impressions/{entry.path}"): hour
        for hour, closing in closings.items()
        for entry in closing.files
    }
    footers: list[Any] = lake.files.each(footer_of, uris)
    for (uri, hour), footer in zip(uris.items(), footers, strict=True):
        file = HourFile(hour=hour, uri=uri, metadata=footer)
        schema = footer.schema.to_arrow_schema().remove_metadata()
        by_schema.setdefault(key := schema.to_string(), []).append(file)
        schemas[key] = schema
    problems: dict[datetime, dict[str, str]] = {}
    planned = tuple(
        _same_schema(lake, schemas[key], files, columns, problems)
        for key, files in by_schema.items()
    )
    return Plan(hours=tuple(closings), schemas=planned, problems=problems)


def open_parquet(uri: str, **options: Any) -> pq.ParquetFile:
    """Return a Parquet file of the lake, wherever it is, opened for reading."""
    if "://" not in uri:
        return pq.ParquetFile(uri, **options)
    fs, path = open_store(uri)
    return pq.ParquetFile(fs.open(path), **options)


def footer_of(uri: str) -> Any:
    """Return a file's Parquet footer.

    Raises:
        FileCorrupt: the file is not Parquet, or gone.
    """
    try:
        with open_parquet(uri) as file:
            return file.metadata
    except (pa.ArrowException, OSError) as error:
        raise unread(uri, error) from None


def _same_schema(
    lake: Lake,
    schema: pa.Schema,
    files: list[HourFile],
    columns: Mapping[str, Bins],
    problems: dict[datetime, dict[str, str]],
) -> SameSchema:
    types = {lake.canonical_name(n): t for n, t in pl.Schema(schema).items()}
    IMPRESSIONS.check(types, files[0].uri)
    time = types[IMPRESSIONS.time]
    if isinstance(time, pl.Datetime):
        _require_inside(files, lake.own_name(IMPRESSIONS.time), time.time_unit)
    kinds: dict[str, Kind] = {}
    for name, bins in columns.items():
        kind = kind_of(types.get(name), bins)
        if kind is not None:
            kinds[name] = kind
            continue
        for file in files:
            said = problems.setdefault(file.hour, {})
            said.setdefault(name, problem_of(name, types.get(name), bins, file.uri))
    return SameSchema(files=tuple(files), kinds=kinds, types=types)


def kind_of(found: pl.DataType | None, bins: Bins) -> Kind | None:
    """Return what the column holds, None where that is not what its bins count."""
    if found is None:
        return None
    if found == pl.Null:
        return "null"
    if isinstance(bins, NumericBins):
        return "number" if found.is_numeric() or found == pl.Boolean else None
    texts = isinstance(found, pl.String | pl.Categorical | pl.Enum)
    return "text" if texts or found.is_integer() or found == pl.Boolean else None


def problem_of(name: str, found: pl.DataType | None, bins: Bins, uri: str) -> str:
    """Return why a column cannot be counted: file, column, expected and found."""
    wanted = "a number" if isinstance(bins, NumericBins) else "a category (text, integer, boolean)"
    if found is None:
        return f"ColumnMissing: {uri} has no column {name!r}, expected {wanted}"
    return f"ColumnTypeWrong: {uri}: column {name!r} is {found}, expected {wanted}"


def _require_inside(files: Sequence[HourFile], own_time: str, unit: str) -> None:
    """Refuse rows of another hour, as far as the footers' statistics tell."""
    schema = files[0].metadata.schema
    column = [schema.column(i).path for i in range(len(schema))].index(own_time)
    for file in files:
        window = Window.of_hour(file.hour)
        for group in range(file.metadata.num_row_groups):
            found = file.metadata.row_group(group).column(column).statistics
            if found is None or not found.has_min_max:
                continue
            for raw in (found.min_raw, found.max_raw):  # .min would import pandas: 50 MB
                moment = EPOCH + timedelta(seconds=raw / UNITS_A_SECOND[unit])
                if moment not in window:
                    raise WindowInvalid(
                        f"{file.uri} holds rows of {moment}, outside its hour "
                        f"{hour_key(file.hour)}; land each row in its own hour"
                    )
