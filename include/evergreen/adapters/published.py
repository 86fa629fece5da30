"""Published sets: what a shop reads. `version=N/` is one set, `CURRENT` names the one in force.

A set is written once, closed by `_SUCCESS` with the digests of its files, and never changed.
Readers read `CURRENT`, then that set: they see the old set or the new one, never a mix.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from evergreen.adapters.files import Files
from evergreen.domain.errors import PublishRefused
from evergreen.domain.windows import as_utc

CURRENT = "CURRENT"
SUCCESS = "_SUCCESS"
TABLES = {
    "recommendations": {
        "context_item_id": pl.String,
        "item_id": pl.String,
        "rank": pl.Int16,
        "score": pl.Float32,
    },
    "popular": {"item_id": pl.String, "rank": pl.Int16, "score": pl.Float32},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What `CURRENT` says: the version in force, the release that put it there, and when."""

    version: int
    fence: int
    as_of: datetime
    published_at: datetime


class Published:
    """The published sets of one model.

    Args:
        root: `settings().published_root(model)`; a local path or any fsspec URL.

    Raises:
        PublishRefused: by every method when the place cannot be reached, and as methods say.
    """

    def __init__(self, root: str) -> None:
        self._files = Files(root, error=PublishRefused)

    def write(
        self, version: int, recommendations: pl.DataFrame, popular: pl.DataFrame, *, as_of: datetime
    ) -> None:
        """Write the set of one version, closed by its `_SUCCESS`; a closed set is left as it is.

        Args:
            version: the registry's version.
            recommendations: context_item_id, item_id, rank from 1, score, features as served.
            popular: item_id, rank from 1, score; what is shown where the item is unknown.
            as_of: the moment that the features look back from.
        """
        frames = {"recommendations": recommendations, "popular": popular}
        with self._files.alone(_path(version, SUCCESS)):
            if self.has(version):
                return
            tables = {name: self._write_table(version, name, df) for name, df in frames.items()}
            closing = {"version": version, "as_of": as_utc(as_of).isoformat(), "tables": tables}
            self._files.write_atomic(_path(version, SUCCESS), _json(closing))

    def has(self, version: int) -> bool:
        """Return whether the set of this version is closed."""
        return self._files.exists(_path(version, SUCCESS))

    def as_of(self, version: int) -> datetime:
        """Return the moment that the features of this version's set look back from."""
        return datetime.fromisoformat(self._closing(version)["as_of"])

    def versions(self) -> list[int]:
        """Return the versions whose sets are closed, lowest first."""
        found = (name.removeprefix("version=") for name in self._files.list())
        return sorted(int(text) for text in found if text.isdigit() and self.has(int(text)))

    def flip(self, version: int, fence: int) -> Current:
        """Put a version in force, by release number `fence`; the same again changes nothing.

        Raises:
            PublishRefused: the set is not whole, or `CURRENT` is of a later release.
        """
        self.verify(version)
        with self._files.alone(CURRENT):
            now = self.current()
            if now is not None and (now.version, now.fence) == (version, fence):
                return now
            if now is not None and now.fence >= fence:
                raise PublishRefused(
                    f"{self._files.uri(CURRENT)}: release {fence} (version {version}) comes too "
                    f"late, release {now.fence} (version {now.version}) is in force; nothing was "
                    "changed"
                )
            return self._put_current(version, fence)

    def _put_current(self, version: int, fence: int) -> Current:
        current = Current(
            version=version,
            fence=fence,
            as_of=self.as_of(version),
            published_at=datetime.now(tz=UTC),
        )
        self._files.write_atomic(CURRENT, _json(asdict(current)))
        return current

    def current(self) -> Current | None:
        """Return what is in force; None before the first release."""
        try:
            data = self._files.read(CURRENT)
        except FileNotFoundError:
            return None
        try:
            said = json.loads(data)
            return Current(
                version=int(said["version"]),
                fence=int(said["fence"]),
                as_of=datetime.fromisoformat(said["as_of"]),
                published_at=datetime.fromisoformat(said["published_at"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise PublishRefused(
                f"{self._files.uri(CURRENT)} is not JSON with version, fence, as_of and "
                f"published_at ({error!r}); remove it and run `evergreen release reconcile`"
            ) from None

    def recommendations(self, version: int) -> pl.DataFrame:
        """Return the list of every context item: rank from 1, score, features as served."""
        return self._read_table(version, "recommendations")

    def popular(self, version: int) -> pl.DataFrame:
        """Return the items that are shown where the context item is unknown, by rank."""
        return self._read_table(version, "popular")

    def items(self, version: int) -> frozenset[str]:
        """Return every item that this version's set can show."""
        tables = (self._read_table(version, name)["item_id"] for name in TABLES)
        return frozenset(item for ids in tables for item in ids.unique().drop_nulls())

    def verify(self, version: int) -> None:
        """Read the set back and compare it with its `_SUCCESS`.

        Raises:
            PublishRefused: no `_SUCCESS`, or a file is missing, another digest, or lacks columns.
        """
        for name, columns in TABLES.items():
            frame = self._read_table(version, name)
            if any(frame.schema.get(column) != dtype for column, dtype in columns.items()):
                raise PublishRefused(
                    f"{self._uri(version, name)}: expected columns {_spell(columns)}, found "
                    f"{_spell(dict(frame.schema))}"
                )

    def _write_table(self, version: int, name: str, frame: pl.DataFrame) -> dict[str, Any]:
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        data = buffer.getvalue()
        self._files.write_atomic(_path(version, f"{name}.parquet"), data)
        return {"rows": frame.height, "sha256": hashlib.sha256(data).hexdigest()}

    def _read_table(self, version: int, name: str) -> pl.DataFrame:
        expected = self._closing(version)["tables"][name]
        try:
            data = self._files.read(_path(version, f"{name}.parquet"))
        except FileNotFoundError:
            raise PublishRefused(
                f"{self._uri(version, name)} is missing, but its _SUCCESS lists it; publish the "
                "version again"
            ) from None
        digest = hashlib.sha256(data).hexdigest()
        if digest != expected["sha256"]:
            raise PublishRefused(
                f"{self._uri(version, name)} was changed after it was published: sha256 "
                f"{expected['sha256'][:12]}… expected, {digest[:12]}… found; remove its folder and "
                "publish the version again"
            )
        return pl.read_parquet(io.BytesIO(data))

    def _closing(self, version: int) -> dict[str, Any]:
        path = _path(version, SUCCESS)
        try:
            said: dict[str, Any] = json.loads(self._files.read(path))
        except FileNotFoundError:
            raise PublishRefused(
                f"{self._files.uri(path)} is missing: the set of version {version} was never "
                "written to its end; run its publish step"
            ) from None
        except ValueError as error:
            raise PublishRefused(f"{self._files.uri(path)} is not JSON: {error}") from None
        return said

    def _uri(self, version: int, table: str) -> str:
        return self._files.uri(_path(version, f"{table}.parquet"))


def _path(version: int, name: str) -> str:
    return f"version={version}/{name}"


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, default=datetime.isoformat).encode()


def _spell(columns: dict[str, Any]) -> str:
    return ", ".join(f"{name} {dtype}" for name, dtype in columns.items())
