"""Files below one root, local or on an object store: a reader sees the old file or the new one.

A local file is written under a temporary name beside its target, synced and renamed over it. An
object store has no rename but makes one put visible at once, so there a put is the whole write.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evergreen.adapters.object_store import ObjectStore, Writes
from evergreen.adapters.secret_free import secret_free
from evergreen.domain.errors import EvergreenError, LakeUnreachable

if TYPE_CHECKING:
    import polars as pl

CHUNK_BYTES = 1 << 20
AT_ONCE = 10
"""Questions to an object store at the same time; botocore keeps as many connections."""


class Files:
    """The files below a root, addressed by paths relative to it.

    Names that begin with a dot are files being written; `list` leaves them out.

    Args:
        root: a local path or any fsspec URL (`file://`, `s3://`, `gs://`, `abfs://`).
        error: what to raise when the root cannot be reached.

    Raises:
        LakeUnreachable: or `error`, by every method; the text names URL, cause and remedy.
            A missing file is Python's own `FileNotFoundError`.
    """

    def __init__(self, root: str, *, error: type[EvergreenError] = LakeUnreachable) -> None:
        self.root = root.removeprefix("file://").rstrip("/") or "/"
        self._error = error
        self._backend: _Backend = ObjectStore() if "://" in self.root else _Local()

    def uri(self, path: str = "") -> str:
        """Return what Polars and people open: a plain path, or a full URL."""
        return f"{self.root}/{path}" if path else self.root

    def read(self, path: str) -> bytes:
        """Return the whole file."""
        with self._explained(path, "read"):
            return self._backend.read(self.uri(path))

    def write_atomic(self, path: str, data: bytes) -> None:
        """Write the file so that no reader ever sees a part of it."""
        with self._explained(path, "write"):
            self._backend.write(self.uri(path), lambda file: file.write(data))

    def create(self, path: str, data: bytes) -> bool:
        """Write the file unless there is one; of two writers at once, one gets True.

        How sure that is, the store says: a hard link on disks, a conditional put on S3. False may
        also mean that this very put arrived and its answer was lost: the file that stands counts.
        """
        with self._explained(path, "write"):
            return self._backend.create(self.uri(path), data)

    def upload(self, path: str, source: Path) -> None:
        """Write the file from a local one, of any size, in pieces."""
        with self._explained(path, "write"):
            self._backend.upload(self.uri(path), source)

    def download(self, path: str, target: Path) -> None:
        """Copy the file to a local one, of any size, in pieces."""
        with self._explained(path, "read"):
            self._backend.download(self.uri(path), target)

    def write_parquet(self, path: str, frame: pl.DataFrame) -> int:
        """Write a frame in the same way and return the file's size in bytes."""
        with self._explained(path, "write"):
            self._backend.write(self.uri(path), frame.write_parquet)
            return self._backend.size(self.uri(path))

    def exists(self, path: str) -> bool:
        """Return whether there is such a file or folder."""
        with self._explained(path, "look for"):
            return self._backend.exists(self.uri(path))

    def each[T](self, ask: Callable[[str], T], paths: Iterable[str]) -> list[T]:
        """Return what a method of these files answers for each path, in order.

        An object store is asked several at once: each answer takes it tens of milliseconds.
        """
        if isinstance(self._backend, _Local):
            return [ask(path) for path in paths]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(ask, paths))

    def list(self, path: str = "") -> list[str]:
        """Return the names in a folder, sorted; a folder that is not there has none."""
        with self._explained(path, "list"):
            try:
                names = self._backend.list(self.uri(path))
            except FileNotFoundError:
                return []
        return sorted(name for name in names if name and not name.startswith("."))

    def size(self, path: str) -> int:
        """Return the file's size in bytes."""
        with self._explained(path, "look for"):
            return self._backend.size(self.uri(path))

    def remove(self, path: str) -> None:
        """Remove one file; a file that is not there is fine."""
        with self._explained(path, "remove"):
            try:
                self._backend.remove(self.uri(path))
            except FileNotFoundError:
                return

    @contextmanager
    def alone(self, path: str) -> Iterator[None]:
        """Keep other processes of this machine out while a file is read, judged and written.

        Across machines there is no lock: `evergreen release reconcile` repairs what clashed.
        """
        with self._explained(path, "write"):
            lock = self._backend.lock(self.uri(path))
        with lock:
            yield

    @contextmanager
    def _explained(self, path: str, verb: str) -> Iterator[None]:
        """Turn whatever a file system's client raises into one named error."""
        try:
            yield
        except EvergreenError:
            raise
        except ImportError as error:
            raise self._error(
                f"cannot {verb} {self._shown(path)}: {error}; install the fsspec package of "
                f"{self.root.partition('://')[0]}://"
            ) from error
        except Exception as error:
            if isinstance(error, FileNotFoundError) and verb != "write":
                raise
            cause = secret_free(f"{type(error).__name__}: {error}")
            raise self._error(
                f"cannot {verb} {self._shown(path)}: {cause}; check that the place exists, its "
                "permissions or credentials, and free space"
            ) from error

    def _shown(self, path: str) -> str:
        return secret_free(self.uri(path))


class _Backend(Protocol):
    def read(self, uri: str) -> bytes: ...
    def write(self, uri: str, fill: Writes) -> None: ...
    def create(self, uri: str, data: bytes) -> bool: ...
    def upload(self, uri: str, source: Path) -> None: ...
    def download(self, uri: str, target: Path) -> None: ...
    def exists(self, uri: str) -> bool: ...
    def list(self, uri: str) -> Iterable[str]: ...
    def size(self, uri: str) -> int: ...
    def remove(self, uri: str) -> None: ...
    def lock(self, uri: str) -> AbstractContextManager[object]: ...


class _Local:
    """Disks, without fsspec: it is on every task's way."""

    def read(self, uri: str) -> bytes:
        return Path(uri).read_bytes()

    def write(self, uri: str, fill: Writes) -> None:
        self._put(Path(uri), fill, os.replace)

    def create(self, uri: str, data: bytes) -> bool:
        try:
            self._put(Path(uri), lambda file: file.write(data), os.link)
        except FileExistsError:
            return False
        return True

    def upload(self, uri: str, source: Path) -> None:
        with source.open("rb") as data:
            self.write(uri, lambda file: shutil.copyfileobj(data, file, CHUNK_BYTES))

    def download(self, uri: str, target: Path) -> None:
        shutil.copyfile(uri, target)

    def _put(self, target: Path, fill: Writes, show: Callable[[Path, Path], None]) -> None:
        """Fill a hidden file beside the target, sync it, and `show` it under the target's name."""
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
        try:
            file = temporary.open("xb")
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = temporary.open("xb")
        try:
            with file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            show(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def exists(self, uri: str) -> bool:
        return Path(uri).exists()

    def list(self, uri: str) -> list[str]:
        return os.listdir(uri)  # noqa: PTH208  (five times as fast on a lake's many hours)

    def size(self, uri: str) -> int:
        return Path(uri).stat().st_size

    def remove(self, uri: str) -> None:
        Path(uri).unlink()

    def lock(self, uri: str) -> AbstractContextManager[object]:
        target = Path(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.with_name(f".{target.name}.lock").open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the file, and so with a killed process too
        return file
