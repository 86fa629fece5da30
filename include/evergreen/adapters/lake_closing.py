"""What closes an hour of the lake: `_SUCCESS`, with rows, generation and files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from evergreen.domain.errors import FileCorrupt
from evergreen.domain.windows import hour_key, parse_hour

SUCCESS = "_SUCCESS"
MOST = 2**63 - 1
"""The largest count: facts, manifests and the ledger keep counts as 64-bit integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One data file of a closed hour; `path` is relative to the table's folder."""

    path: str
    size: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HourClosing:
    """What `_SUCCESS` says of an hour."""

    hour: datetime
    rows: int
    closed_at: datetime
    generation: int
    files: tuple[FileEntry, ...]

    def to_bytes(self) -> bytes:
        """Return the content of `_SUCCESS`."""
        body = {
            "rows": self.rows,
            "closed_at": self.closed_at.isoformat(),
            "generation": self.generation,
            "files": [asdict(file) for file in self.files],
        }
        return json.dumps(body).encode()

    @classmethod
    def from_bytes(cls, raw: bytes, hour: datetime, uri: str) -> HourClosing:
        """Return what `to_bytes` wrote for this hour.

        Raises:
            FileCorrupt: it is not the JSON that is expected, or a count is none: `rows` and sizes
                from 0, `generation` from 1, below 2^63; the text names `uri`.
        """
        try:
            said = json.loads(raw)
            return cls(
                hour=hour,
                rows=_count(said, "rows"),
                closed_at=datetime.fromisoformat(said["closed_at"]),
                generation=_count(said, "generation", least=1),
                files=tuple(_entry(entry) for entry in said["files"]),
            )
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise FileCorrupt(
                f"{uri} does not close an hour ({error}); land the hour again"
            ) from None


def _entry(said: Mapping[str, Any]) -> FileEntry:
    if not isinstance(said["path"], str):
        raise TypeError("the path of a file is no text")
    counts = {"size": _count(said, "size"), "rows": _count(said, "rows")}
    return FileEntry(**{**said, **counts})


def _count(said: Mapping[str, Any], name: str, *, least: int = 0) -> int:
    count = int(said[name])
    if not least <= count <= MOST:
        raise ValueError(f"{name} is {said[name]!r}"[:80] + f", expected {least} to {MOST}")
    return count


def hour_folder(hour: datetime) -> str:
    """Return the folder of an hour below its table: `hour=2011-11-07T13`."""
    return f"hour={hour_key(hour)}"


def folder_of(table: str, hour: datetime) -> str:
    """Return the folder of an hour below the lake: `orders/hour=2011-11-07T13`."""
    return f"{table}/{hour_folder(hour)}"


def hour_of_path(path: str) -> datetime:
    """Return the hour of a `FileEntry`'s path: `hour=2011-11-07T13/part-g1-0.parquet`."""
    return parse_hour(path.partition("/")[0].removeprefix("hour="))
