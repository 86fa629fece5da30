"""The event lake: Hive-style Parquet, one folder an hour, closed by `_SUCCESS` (design, section 4).

A writer lands an hour under a new generation's file names and makes it visible with `_SUCCESS`,
written last in one atomic step. So a reader sees the old hour or the new one, and a writer that is
killed leaves an hour that is not closed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import polars as pl

from evergreen.adapters.files import Files
from evergreen.adapters.lake_closing import SUCCESS, FileEntry, HourClosing, folder_of, hour_folder
from evergreen.adapters.lake_landing import GENERATIONS_KEPT, land, newest_generation_of_files
from evergreen.adapters.lake_tables import TABLES, Table
from evergreen.adapters.secret_free import secret_free
from evergreen.adapters.unread import unread
from evergreen.domain.errors import (
    ColumnMissing,
    ColumnTypeWrong,
    EvergreenError,
    FileCorrupt,
    HourNotClosed,
    WindowInvalid,
)
from evergreen.domain.windows import Window, hour_key, parse_hour

if TYPE_CHECKING:  # pydantic takes a third of a sketch's start
    from evergreen.config.model_spec import ModelSpec
    from evergreen.config.settings import Settings

log = logging.getLogger(__name__)
__all__ = ["GENERATIONS_KEPT", "SUCCESS", "FileEntry", "HourClosing", "Lake", "hour_folder"]


class Lake:
    """One model's lake.

    Args:
        url: Any fsspec URL or local path; `impressions/` and `orders/` lie below it.
        columns: Canonical column name to the lake's own name.
    """

    def __init__(self, url: str, columns: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.files = Files(url)
        self._columns = dict(columns or {})
        self._own_names = {own: name for name, own in self._columns.items()}
        self._left_out: dict[str, frozenset[datetime]] = {}

    @classmethod
    def of(cls, spec: ModelSpec, settings: Settings) -> Lake:
        """Return the lake of a model in this installation."""
        return cls(spec.lake.url or settings.lake_root(spec.model), spec.columns)

    def without(self, hours: Mapping[str, Collection[datetime]]) -> Lake:
        """Return the same lake in which these hours of these tables are not there.

        To every question they are hours that nobody landed; landing one still raises its true
        generation.
        """
        seen = Lake(self.url, self._columns)
        seen._left_out = {
            table: self._left_out.get(table, frozenset()) | frozenset(hours.get(table, ()))
            for table in {*self._left_out, *hours}
        }
        return seen

    def own_name(self, column: str) -> str:
        """Return what the lake calls a canonical column."""
        return self._columns.get(column, column)

    def canonical_name(self, own: str) -> str:
        """Return what Evergreen calls a column of the lake."""
        return self._own_names.get(own, own)

    def closing(self, table: str, hour: datetime) -> HourClosing | None:
        """Return what closed the hour, or None while it is not closed.

        An empty `_SUCCESS`, as Spark and Hadoop write it, closes the Parquet files beside it.

        Raises:
            FileCorrupt: `_SUCCESS` is neither empty nor the JSON that is expected.
        """
        if hour in self._left_out.get(table, ()):
            return None
        return self._closing(table, hour)

    def require_closed(self, table: str, hour: datetime) -> HourClosing:
        """Return what closed the hour.

        Raises:
            HourNotClosed: it is not closed.
        """
        closing = self.closing(table, hour)
        if closing is None:
            raise HourNotClosed(
                f"{table} of hour {hour_key(hour)} are not closed: expected "
                f"{self.files.uri(folder_of(table, hour))}/{SUCCESS}. Land the hour (an hour "
                f"without events is closed with zero rows), then run this again"
            )
        return closing

    def closed_hours(self, table: str, window: Window | None = None) -> list[datetime]:
        """Return the closed hours of a table, oldest first, all of them or those of a window."""
        hours = self.listed_hours(table, window)
        paths = [f"{folder_of(table, hour)}/{SUCCESS}" for hour in hours]
        closed: list[bool] = self.files.each(self.files.exists, paths)
        return [hour for hour, is_closed in zip(hours, closed, strict=True) if is_closed]

    def closings(self, table: str, window: Window) -> dict[datetime, HourClosing]:
        """Return what closed each closed hour of a window, oldest first.

        Raises:
            FileCorrupt: a `_SUCCESS` is neither empty nor the JSON that is expected.
        """
        hours = self.listed_hours(table, window)
        keys = [hour_key(hour) for hour in hours]
        found: list[HourClosing | None] = self.files.each(
            lambda key: self.closing(table, parse_hour(key)), keys
        )
        return {hour: closing for hour, closing in zip(hours, found, strict=True) if closing}

    def listed_hours(self, table: str, window: Window | None = None) -> list[datetime]:
        """Return the hours that have a folder, closed or not, oldest first: one listing.

        A folder whose name is no hour is passed over and logged.
        """
        names = [name for name in self.files.list(table) if name.startswith("hour=")]
        if window is not None:  # keys sort as the hours do, and years of them need no parsing
            first, end = hour_folder(window.start), hour_folder(window.end)
            names = [name for name in names if first <= name < end]
        hours = [hour for _, hour in self._hours_of(table, sorted(names))]
        left_out = self._left_out.get(table)
        return [hour for hour in hours if hour not in left_out] if left_out else hours

    def newest_closed_hour(self, table: str) -> datetime | None:
        """Return the newest closed hour, or None while there is none."""
        names = (name for name in self.files.list(table) if name.startswith("hour="))
        left_out = self._left_out.get(table, ())
        for name, hour in self._hours_of(table, sorted(names, reverse=True)):
            if hour not in left_out and self.files.exists(f"{table}/{name}/{SUCCESS}"):
                return hour
        return None

    def _hours_of(self, table: str, names: Iterable[str]) -> Iterator[tuple[str, datetime]]:
        """Yield the folders that are named by an hour, with it."""
        for name in names:
            try:
                yield name, parse_hour(name.removeprefix("hour="))
            except WindowInvalid as error:
                where = secret_free(self.files.uri(f"{table}/{name}"))
                log.warning("%s is passed over: %s; rename it, or remove it", where, error)

    def land_hour(self, table: str, hour: datetime, frame: pl.DataFrame | None) -> HourClosing:
        """Write an hour's rows and close it; landing it again raises its generation.

        The frame has canonical names or the lake's own; the file gets the lake's own.

        Raises:
            ColumnMissing, ColumnTypeWrong: the frame breaks the table's contract.
            WindowInvalid: a row lies outside the hour.
            LakeUnreachable: the lake cannot be written; the hour stays as it was.
        """
        return land(
            self.files,
            TABLES[table],
            hour,
            frame,
            generation=self._newest_generation(table, hour) + 1,
            columns=self._columns,
        )

    def read(
        self, table: str, window: Window, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the rows of a window's closed hours, with canonical names and types.

        Hours that are not closed are left out: whoever needs all asks `require_closed`.

        Raises:
            FileCorrupt, ColumnMissing, ColumnTypeWrong: the text names the file.
        """
        closings = self.closings(table, window).values()
        entries = [entry for closing in closings for entry in closing.files]
        return self.read_files(table, (entry.path for entry in entries), columns)

    def columns(self, table: str, path: str) -> frozenset[str]:
        """Return the canonical names of one file's columns.

        Raises:
            FileCorrupt: it cannot be read.
        """
        uri = self.files.uri(f"{table}/{path}")
        try:
            schema = pl.scan_parquet(uri).collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unread(uri, error) from None
        return frozenset(self.canonical_name(own) for own in schema)

    def read_files(
        self, table: str, paths: Iterable[str], columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the rows of exactly these files, in their order (a frozen window's manifest)."""
        contract, paths = TABLES[table], list(paths)
        if not paths:
            return contract.empty(columns)
        try:
            return self._scan(contract, paths, columns)
        except (pl.exceptions.PolarsError, OSError, ColumnMissing, ColumnTypeWrong):
            return self._scan_each(contract, paths, columns)

    def _scan(
        self, contract: Table, paths: Sequence[str], columns: Sequence[str] | None
    ) -> pl.DataFrame:
        uris = [self.files.uri(f"{contract.name}/{path}") for path in paths]
        extra: Literal["ignore", "raise"] = "raise" if columns is None else "ignore"
        lazy = pl.scan_parquet(uris, missing_columns="raise", extra_columns=extra)
        lazy = lazy.rename(self._own_names, strict=False)
        schema = lazy.collect_schema()
        where = uris[0] if len(uris) == 1 else f"{uris[0]} and {len(uris) - 1} more files"
        contract.check(schema, where)
        if columns is not None:
            absent = [column for column in columns if column not in schema]
            if absent:
                raise ColumnMissing(
                    f"{where} has no column {absent[0]!r}; write it, or leave it out of "
                    f"features: in model.yaml"
                )
            lazy = lazy.select(columns)
        return contract.cast(lazy.collect())

    def _scan_each(
        self, contract: Table, paths: Sequence[str], columns: Sequence[str] | None
    ) -> pl.DataFrame:
        """Read file by file: an error names its file; optional columns may come and go."""
        frames = []
        for path in paths:
            try:
                frames.append(self._scan(contract, [path], columns))
            except EvergreenError:
                raise
            except (pl.exceptions.PolarsError, OSError) as error:
                raise unread(self.files.uri(f"{contract.name}/{path}"), error) from None
        return pl.concat(frames, how="diagonal_relaxed")

    def _closing(self, table: str, hour: datetime) -> HourClosing | None:
        place = f"{folder_of(table, hour)}/{SUCCESS}"
        try:
            raw = self.files.read(place)
        except FileNotFoundError:
            return None
        if not raw.strip():
            return self._closing_of_listing(table, hour)
        return HourClosing.from_bytes(raw, hour, self.files.uri(place))

    def _closing_of_listing(self, table: str, hour: datetime) -> HourClosing:
        folder = folder_of(table, hour)
        names = sorted(n for n in self.files.list(folder) if n.endswith(".parquet"))
        entries = []
        for name in names:
            uri = self.files.uri(f"{folder}/{name}")
            try:
                rows = int(pl.scan_parquet(uri).select(pl.len()).collect().item())
            except (pl.exceptions.PolarsError, OSError) as error:
                raise unread(uri, error) from None
            size = self.files.size(f"{folder}/{name}")
            entries.append(FileEntry(path=f"{hour_folder(hour)}/{name}", size=size, rows=rows))
        return HourClosing(
            hour=hour,
            rows=sum(entry.rows for entry in entries),
            closed_at=hour,
            generation=1,
            files=tuple(entries),
        )

    def _newest_generation(self, table: str, hour: datetime) -> int:
        """Return the generation, 0 while open; of a broken `_SUCCESS` its files' newest."""
        try:
            closing = self._closing(table, hour)
            return closing.generation if closing else 0
        except FileCorrupt:
            return newest_generation_of_files(self.files, folder_of(table, hour))
