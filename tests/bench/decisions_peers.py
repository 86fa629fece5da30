"""The peers that live in .venv-bench: what they read and write, and their answers as alarms.

They run in processes of their own beside the rest; their own reports home are switched off.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from decisions_paths import SHIFTS
from decisions_scores import Batch
from stream_rows import rows
from streams import REFERENCE_HOURS, Change, Stream, Traffic, World

from evergreen.config.settings import PROJECT

PYTHON = PROJECT / ".venv-bench" / "bin" / "python"
SCRIPTS = Path(__file__).parent / "peers"
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore"}
ROW_VOLUMES = (200, 2_000)
"""Impressions an hour at which Evidently and NannyML read rows; 100,000 would be 67 million."""
CHANGED_AT = 24


def feature_means(stream: Stream) -> np.ndarray:
    """Return the mean bin of the present rows of every number, NaN without any, [H, 20]."""
    means = []
    for name, counts in stream.bins.items():
        if name.startswith("number"):
            present = counts[:, :-1]
            total = present.sum(axis=1)
            mean = present @ np.arange(present.shape[1]) / np.maximum(total, 1)
            means.append(np.where(total > 0, mean, np.nan))
    return np.stack(means, axis=1)


def write_series(
    path: Path, batches: Mapping[str, Sequence[Batch]], means: Mapping[str, Sequence[Stream]]
) -> None:
    """Write what the peers of one series at a time read: hourly CTR, and features' means."""
    arrays = {}
    for key, group in batches.items():
        for i, batch in enumerate(group):
            arrays[f"{key}/{i}|reference"] = batch.reference.ctr
            arrays[f"{key}/{i}|ctr"] = _padded([s.ctr for s in batch.streams])
    for key, streams in means.items():
        arrays[f"{key}/0|means"] = _padded([feature_means(s) for s in streams])
    np.savez(path, **arrays)


def _padded(series: list[np.ndarray]) -> np.ndarray:
    longest = max(len(s) for s in series)
    out = np.full((len(series), longest, *series[0].shape[1:]), np.nan)
    for row, one in zip(out, series, strict=True):
        row[: len(one)] = one
    return out


def write_rows(folder: Path, *, days: int, judged_hours: int) -> Path:
    """Write rows of reference, of healthy days and of each change; return the job's file.

    Parameters:
        days: without a change; 0 writes an empty job.
        judged_hours: how many hours in a row Evidently judges.
    """
    jobs = []
    for an_hour in ROW_VOLUMES if days else ():
        world = World(Traffic(an_hour=float(an_hour)), seed=an_hour)
        reference = folder / f"reference_{an_hour}.npz"
        np.savez(reference, **rows(world, REFERENCE_HOURS, seed=0))
        current = {f"healthy {an_hour}": rows(world, 24 * days, seed=1)}
        if an_hour == 2_000:
            for name, (feature, psi) in SHIFTS.items():
                change = Change(at=CHANGED_AT, feature=feature, psi=psi)
                current[name] = rows(world, 2 * CHANGED_AT, seed=2, change=change)
        paths = {}
        for name, columns in current.items():
            paths[name] = str(folder / f"{name.replace(' ', '_')}.npz")
            np.savez(paths[name], **columns)
        judge = {name: [CHANGED_AT, 2 * CHANGED_AT - 1] for name in current}
        judge[f"healthy {an_hour}"] = list(range(CHANGED_AT, CHANGED_AT + judged_hours))
        jobs.append({"reference": str(reference), "current": paths, "judge": judge})
    job = folder / "rows.json"
    job.write_text(json.dumps(jobs))
    return job


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A peer at work."""

    process: subprocess.Popen[bytes]
    answer: Path

    def result(self) -> Any:
        """Wait for the peer and return what it wrote; a peer that fails fails the benchmark."""
        if code := self.process.wait():
            raise RuntimeError(f"{self.answer.stem} ended with {code}; its output is above")
        return json.loads(self.answer.read_text())

    def stop(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start(script: str, *arguments: Path, answer: Path) -> Running:
    """Start a script of `peers/` in the peers' environment."""
    command = [str(PYTHON), str(SCRIPTS / script), *map(str, arguments), str(answer)]
    environment = {**os.environ, **QUIET, "PYTHONDONTWRITEBYTECODE": "1"}
    return Running(process=subprocess.Popen(command, env=environment), answer=answer)
