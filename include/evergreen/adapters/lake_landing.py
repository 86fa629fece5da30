"""Landing an hour: its rows under a new generation's file names, then `_SUCCESS`, written last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from evergreen.adapters.files import Files
from evergreen.adapters.lake_closing import SUCCESS, FileEntry, HourClosing, folder_of, hour_folder
from evergreen.adapters.lake_tables import Table
from evergreen.domain.errors import WindowInvalid
from evergreen.domain.windows import Window, hour_key

GENERATIONS_KEPT = 2  # the one that is visible, and the one before for readers that still hold it


def land(
    files: Files,
    contract: Table,
    hour: datetime,
    frame: pl.DataFrame | None,
    *,
    generation: int,
    columns: Mapping[str, str],
) -> HourClosing:
    """Write an hour's rows as this generation, close it, and drop the generation before last.

    Parameters:
        columns: canonical column name to the lake's own name.

    Raises:
        ColumnMissing, ColumnTypeWrong: the frame breaks the table's contract.
        WindowInvalid: a row lies outside the hour.
        LakeUnreachable: the lake cannot be written; the hour stays as it was.
    """
    folder = folder_of(contract.name, hour)
    entries: tuple[FileEntry, ...] = ()
    if frame is not None and frame.height:
        entries = (_write(files, contract, hour, frame, generation, columns),)
    closing = HourClosing(
        hour=hour,
        rows=sum(entry.rows for entry in entries),
        closed_at=datetime.now(UTC),
        generation=generation,
        files=entries,
    )
    files.write_atomic(f"{folder}/{SUCCESS}", closing.to_bytes())
    if generation > GENERATIONS_KEPT:
        _drop_generation(files, folder, generation - GENERATIONS_KEPT)
    return closing


def newest_generation_of_files(files: Files, folder: str) -> int:
    """Return the newest generation that the hour's file names tell of; 1 where none does."""
    found = (re.match(r"part-g(\d+)-", name) for name in files.list(folder))
    return max((int(match[1]) for match in found if match), default=1)


def _write(
    files: Files,
    contract: Table,
    hour: datetime,
    frame: pl.DataFrame,
    generation: int,
    columns: Mapping[str, str],
) -> FileEntry:
    folder = folder_of(contract.name, hour)
    frame = frame.rename({own: name for name, own in columns.items()}, strict=False)
    contract.check(frame.schema, f"the frame landed as {folder}")
    frame = contract.cast(frame)
    _require_inside(frame, contract, hour)
    name = f"part-g{generation}-0.parquet"
    size = files.write_parquet(f"{folder}/{name}", frame.rename(dict(columns), strict=False))
    return FileEntry(path=f"{hour_folder(hour)}/{name}", size=size, rows=frame.height)


def _drop_generation(files: Files, folder: str, generation: int) -> None:
    for name in files.list(folder):
        if name.startswith(f"part-g{generation}-"):
            files.remove(f"{folder}/{name}")


def _require_inside(frame: pl.DataFrame, contract: Table, hour: datetime) -> None:
    window = Window.of_hour(hour)
    times = frame[contract.time]
    first, last = times.min(), times.max()
    if not (isinstance(first, datetime) and isinstance(last, datetime)):
        raise WindowInvalid(f"{contract.name} of {hour_key(hour)}: {contract.time} is null")
    if first not in window or last not in window or times.null_count():
        raise WindowInvalid(
            f"{contract.name} of {hour_key(hour)}: {contract.time} runs from {first} to {last}, "
            f"outside the hour; land each row in its own hour"
        )
