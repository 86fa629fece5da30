"""A run directory: the frozen window's manifest, and for each step its output and `_SUCCESS`.

A step writes below a folder of its own attempt, then `_SUCCESS`, which names that folder, the
files' digests and who wrote them (in a cluster, the pod). A step that finds it returns it: so a
retry, a second trigger or a cleared task never does the work twice. The first `_SUCCESS` stands:
an attempt that was given up but lives on (a node that was cut off) can neither mix its files with
another's nor replace a result that later steps have read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

import evergreen
from evergreen.adapters.files import Files
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ManifestInvalid, RunUnreachable
from evergreen.trainer.progress import say

MANIFEST = "manifest.json"
SUCCESS = "_SUCCESS"
POD_UID = "EVERGREEN_POD_UID"
POD_NAME = "EVERGREEN_POD_NAME"
"""Set in a pod from its own metadata."""


@dataclass(slots=True)
class StepOutput:
    """Where a step that runs now writes: files in `folder`, what it found in `result`."""

    folder: Path
    result: dict[str, Any] = field(default_factory=dict)


class RunDir:
    """The directory of one run key, local or on an object store.

    Args:
        url: what `freeze_window` returned as `run_dir`.

    Raises:
        RunUnreachable: by every method: the place cannot be read or written; it may be soon.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.files = Files(url, error=RunUnreachable)

    def manifest(self) -> dict[str, Any]:
        """Return the frozen window's manifest.

        Raises:
            ManifestInvalid: there is none, or it is not JSON.
        """
        found = self._json(MANIFEST)
        if found is None:
            raise ManifestInvalid(f"{self.files.uri(MANIFEST)} is missing; freeze a window first")
        return found

    def spec(self) -> ModelSpec:
        """Return the model's spec as it was when the window was frozen.

        Raises:
            ManifestInvalid: another Evergreen froze it, whose specs this one does not read.
        """
        manifest = self.manifest()
        try:
            return ModelSpec.model_validate(manifest["spec"])
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise ManifestInvalid(
                f"{self.files.uri(MANIFEST)} was frozen by Evergreen {manifest['evergreen']}, this "
                f"is {evergreen.__version__} and does not read its spec ({key}: {first['msg']}); "
                f"build the trainer image from the release that Airflow runs"
            ) from None

    def write_manifest(self, body: dict[str, Any]) -> None:
        """Write the frozen window's manifest, unless it was frozen before: the first one stands."""
        self.files.create(MANIFEST, json.dumps(body, indent=1).encode())

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
        """Return what Polars opens for a finished step's file.

        Raises:
            ManifestInvalid: the step has not finished.
        """
        return self.files.uri(self._place(step, name))

    def table(self, step: str, name: str) -> pl.DataFrame:
        """Return a finished step's Parquet file.

        Raises:
            ManifestInvalid: the step has not finished, or the file is not what it wrote.
        """
        with tempfile.TemporaryDirectory(prefix="evergreen-table-") as folder:
            return pl.read_parquet(self.fetch(step, name, Path(folder) / name), memory_map=False)

    def fetch(self, step: str, name: str, target: Path) -> Path:
        """Copy a finished step's file, of any size, to a local path.

        Raises:
            ManifestInvalid: the step has not finished, or the file is not what it wrote.
        """
        place = self._place(step, name)
        expected = self._closing(step)["files"].get(name)
        try:
            self.files.download(place, target)
        except FileNotFoundError:
            target.unlink(missing_ok=True)
        if not target.exists() or _digest(target) != expected:
            target.unlink(missing_ok=True)
            raise ManifestInvalid(
                f"{self.files.uri(place)} is not the file that the step wrote; remove "
                f"{self.files.uri(step)}/{SUCCESS} and run the step again"
            )
        return target

    def digest(self, step: str, name: str) -> str:
        """Return the SHA-256 of a finished step's file, as the step wrote it.

        Raises:
            ManifestInvalid: the step has not finished, or wrote no such file.
        """
        self.require(step)
        files = self._closing(step)["files"]
        if name not in files:
            raise ManifestInvalid(
                f"{self.files.uri(step)} has no {name}; it has {', '.join(sorted(files))}"
            )
        return str(files[name])

    def _place(self, step: str, name: str) -> str:
        return f"{step}/{self._closing(step)['attempt']}/{name}"

    def _closing(self, step: str) -> dict[str, Any]:
        self.require(step)
        return self._json(f"{step}/{SUCCESS}") or {}

    def _store(self, step: str, output: StepOutput) -> None:
        attempt = f"attempt={os.environ.get(POD_UID) or secrets.token_hex(8)}"
        digests = {}
        for path in sorted(output.folder.iterdir()):
            digests[path.name] = _digest(path)
            self.files.upload(f"{step}/{attempt}/{path.name}", path)
        body = {
            "step": step,
            "attempt": attempt,
            "pod": {"name": os.environ.get(POD_NAME), "uid": os.environ.get(POD_UID)},
            "finished_at": datetime.now(UTC).isoformat(),
            "files": digests,
            "result": output.result,
        }
        if not self.files.create(f"{step}/{SUCCESS}", json.dumps(body, indent=1).encode()):
            say(f"another attempt at {step} finished first; its result stands")

    def _json(self, path: str) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self.files.read(path)))
        except FileNotFoundError:
            return None
        except ValueError:
            raise ManifestInvalid(
                f"{self.files.uri(path)} is not JSON; remove it and run the step again"
            ) from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
