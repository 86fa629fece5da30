"""Object stores through fsspec: one put is the whole write, and the first of two writers wins.

Where the store is and who asks, the clients' own environment says: for S3 `AWS_ENDPOINT_URL`,
`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_DEFAULT_REGION`, which Polars reads too.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, Protocol

PIECE_BYTES = 16 << 20
"""Of an upload; S3 allows 10,000 pieces, so larger ones past 160 GB."""
PIECES_AT_ONCE = 4
"""s3fs itself would hold ten of 50 MB."""
MAX_PIECES = 10_000
TRIES = 3
"""Of a conditional put that the store asks for again, because another one was under way."""
WAIT_S = 0.2


class Writes(Protocol):
    """Whatever writes a file's content into an open one."""

    def __call__(self, file: IO[bytes], /) -> object: ...


def open_store(uri: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it.

    Listings are not cached: another process may have written.

    Raises:
        ImportError, ValueError: no package, or none known, for such URLs.
    """
    import fsspec

    fs, path = fsspec.core.url_to_fs(uri, use_listings_cache=False)
    return fs, path


class ObjectStore:
    """Any fsspec file system, by full URLs.

    Raises:
        FileNotFoundError: no such file.
        BucketMissing: no such bucket, which is a mistake and not an empty folder.
    """

    def read(self, uri: str) -> bytes:
        fs, path = open_store(uri)
        return bytes(_found(fs.cat_file, path, **_one_request(fs)))

    def write(self, uri: str, fill: Writes) -> None:
        fs, path = open_store(uri)
        buffer = io.BytesIO()
        fill(buffer)
        _found(fs.pipe_file, path, buffer.getvalue())

    def create(self, uri: str, data: bytes) -> bool:
        """Put the file unless there is one; on S3 this is `If-None-Match: *`."""
        fs, path = open_store(uri)
        for tries_left in reversed(range(TRIES)):
            try:
                _found(fs.pipe_file, path, data, mode="create")
            except FileExistsError:
                return False
            except OSError as error:
                code = _code(error)
                if code in {"PreconditionFailed", "412"}:  # s3fs knows only how AWS words it
                    return False
                if code not in {"ConditionalRequestConflict", "409"} or not tries_left:
                    raise
                time.sleep(WAIT_S)
            else:
                return True
        raise AssertionError("the last try returns or raises")

    def upload(self, uri: str, source: Path) -> None:
        """Put a local file, in pieces; nothing is visible before the last one."""
        fs, path = open_store(uri)
        piece = max(PIECE_BYTES, -(-source.stat().st_size // MAX_PIECES))
        options = {"chunksize": piece, "max_concurrency": PIECES_AT_ONCE} if _is_s3(fs) else {}
        _found(fs.put_file, str(source), path, **options)

    def download(self, uri: str, target: Path) -> None:
        fs, path = open_store(uri)
        _found(fs.get_file, path, str(target), **_one_request(fs))

    def exists(self, uri: str) -> bool:
        fs, path = open_store(uri)
        try:
            _found(fs.info, path)
        except FileNotFoundError:
            return False
        return True

    def list(self, uri: str) -> Iterator[str]:
        fs, path = open_store(uri)
        paths = (str(name).strip("/") for name in _found(fs.ls, path, detail=False))
        # some tools put an empty object in the place of a folder
        return (name.rpartition("/")[2] for name in paths if name != path.strip("/"))

    def size(self, uri: str) -> int:
        fs, path = open_store(uri)
        return int(_found(fs.size, path))

    def remove(self, uri: str) -> None:
        fs, path = open_store(uri)
        _found(fs.rm_file, path)

    def lock(self, uri: str) -> AbstractContextManager[object]:  # noqa: ARG002
        return nullcontext()


class BucketMissing(OSError):
    """There is no such bucket."""


def _found(call: Any, *args: Any, **options: Any) -> Any:
    """Call the store; a bucket that is not there is not a file that is not there."""
    try:
        return call(*args, **options)
    except FileNotFoundError as error:
        if _code(error) == "NoSuchBucket":
            raise BucketMissing(str(error)) from error
        raise


def _code(error: BaseException) -> str:
    """Return what S3 calls its answer, empty where it did not answer."""
    answer = getattr(error.__cause__, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""


def _one_request(fs: Any) -> dict[str, int]:
    """Return what makes a file the old one or the new one, never pieces of both.

    s3fs asks for the size first and then for pieces, of whatever file is there by then.
    """
    return {"max_concurrency": 1} if _is_s3(fs) else {}


def _is_s3(fs: Any) -> bool:
    return "s3" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)
