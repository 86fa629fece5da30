"""A run directory: the frozen window's manifest, and for each step its output and `_SUCCESS`.

A step's files become visible with `_SUCCESS`, written last, which holds their digests. A step that
finds it returns it: so a retry, a second trigger or a cleared task never does the work twice.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from evergreen.adapters.files import Files
from evergreen.domain.errors import ManifestInvalid

MANIFEST = "manifest.json"
SUCCESS = "_SUCCESS"


@dataclass(slots=True)
class StepOutput:
    """Where a step that runs now writes: files in `folder`, what it found in `result`."""

    folder: Path
    result: dict[str, Any] = field(default_factory=dict)


class RunDir:
    """The directory of one run key, local or on an object store.

    Args:
        url: what `freeze_window` returned as `run_dir`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.files = Files(url, error=ManifestInvalid)

    def manifest(self) -> dict[str, Any]:
        """Return the frozen window's manifest.

        Raises:
            ManifestInvalid: there is none, or it is not JSON.
        """
        found = self._json(MANIFEST)
        if found is None:
            raise ManifestInvalid(f"{self.files.uri(MANIFEST)} is missing; freeze a window first")
        return found

    def write_manifest(self, body: dict[str, Any]) -> None:
        """Write the frozen window's manifest; it never changes afterwards."""
        self.files.write_atomic(MANIFEST, json.dumps(body, indent=1).encode())

    def result(self, step: str) -> dict[str, Any] | None:
        """Return what a finished step found, None while it has not finished."""
        found = self._json(f"{step}/{SUCCESS}")
        return None if found is None else dict(found["result"])

    def require(self, step: str) -> dict[str, Any]:
        """Return what a finished step found.

        Raises:
            ManifestInvalid: it has not finished.
        """
        found = self.result(step)
        if found is None:
            raise ManifestInvalid(
                f"{self.files.uri(step)} has no {SUCCESS}: run `evergreen step "
                f"{step.partition('/')[0]} --run-dir {self.url}` first"
            )
        return found

    @contextmanager
    def running(self, step: str) -> Iterator[StepOutput | None]:
        """Run a step: yields where to write, or None when it has finished before.

        What stands in the folder at the end is stored under the step, `_SUCCESS` last. After an
        error nothing is stored. Two processes on one machine take turns, and the second finds the
        first one's result.
        """
        with self.files.alone(step):
            if self.result(step) is not None:
                yield None
                return
            folder = Path(tempfile.mkdtemp(prefix="evergreen-step-"))
            try:
                output = StepOutput(folder)
                yield output
                self._store(step, output)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def path(self, step: str, name: str) -> str:
        """Return what Polars opens for a finished step's file."""
        return self.files.uri(f"{step}/{name}")

    def table(self, step: str, name: str) -> pl.DataFrame:
        """Return a finished step's Parquet file.

        Raises:
            ManifestInvalid: the step has not finished, or the file is not what it wrote.
        """
        return pl.read_parquet(io.BytesIO(self._checked(step, name)))

    def fetch(self, step: str, name: str, target: Path) -> Path:
        """Copy a finished step's file to a local path.

        Raises:
            ManifestInvalid: the step has not finished, or the file is not what it wrote.
        """
        target.write_bytes(self._checked(step, name))
        return target

    def _checked(self, step: str, name: str) -> bytes:
        """Return a finished step's file, which has the digest that the step wrote."""
        self.require(step)
        expected = (self._json(f"{step}/{SUCCESS}") or {})["files"].get(name)
        try:
            data = self.files.read(f"{step}/{name}")
        except FileNotFoundError:
            data = b""
        if expected != _digest(data):
            raise ManifestInvalid(
                f"{self.path(step, name)} is not the file that the step wrote; remove "
                f"{self.files.uri(step)}/{SUCCESS} and run the step again"
            )
        return data

    def _store(self, step: str, output: StepOutput) -> None:
        digests = {}
        for path in sorted(output.folder.iterdir()):
            data = path.read_bytes()
            digests[path.name] = _digest(data)
            self.files.write_atomic(f"{step}/{path.name}", data)
        body = {
            "step": step,
            "finished_at": datetime.now(UTC).isoformat(),
            "files": digests,
            "result": output.result,
        }
        self.files.write_atomic(f"{step}/{SUCCESS}", json.dumps(body, indent=1).encode())

    def _json(self, path: str) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self.files.read(path)))
        except FileNotFoundError:
            return None
        except ValueError:
            raise ManifestInvalid(
                f"{self.files.uri(path)} is not JSON; remove it and run the step again"
            ) from None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
