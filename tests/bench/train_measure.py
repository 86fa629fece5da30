"""One figure of `train.py`, in a process of its own: the last line is JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import xgboost as xgb

from evergreen.config.model_spec import ModelSpec
from evergreen.trainer import dataset, fit
from evergreen.trainer.batches import scan_rows
from evergreen.trainer.boosting import boost, open_matrices
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.row_writer import RowWriter

FEATURES = tuple(f"f{i:02}" for i in range(30))
CHUNK = 100_000
VALID_SHARE = 0.05
START = datetime(2026, 1, 1, tzinfo=UTC)


def spec_of(*, rounds: int, external: bool) -> ModelSpec:
    """Return a spec whose rows lie on disk, or in memory whatever their number."""
    return ModelSpec.model_validate(
        {
            "model": "bench",
            "description": "",
            "owner": "",
            "features": {"numeric": FEATURES},
            "train": {
                "variants": ["full_28d"],
                "rounds": rounds,
                "batch_rows": CHUNK,
                "external_memory_above": 0 if external else 1 << 62,
            },
        }
    )


def make(folder: Path, rows: int) -> dict[str, Any]:
    """Write a run's training and validation rows, a row group at a time."""
    rng = np.random.default_rng(7)
    with RunDir(str(folder)).running(dataset.STEP) as output:
        if output is None:
            return {}
        for name, count in (("train", rows), ("valid", int(rows * VALID_SHARE))):
            with RowWriter(output.folder / f"{name}.parquet", group_rows=CHUNK) as file:
                for start in range(0, count, CHUNK):
                    file.add(made_rows(rng, min(CHUNK, count - start)))
        output.result |= {"validation_start": START.isoformat()}
    return {}


def made_rows(rng: np.random.Generator, count: int) -> pl.DataFrame:
    """Return rows whose first two features decide on the click; a hundredth is missing."""
    values = rng.standard_normal((count, len(FEATURES)), dtype=np.float32)
    chance = 1 / (1 + np.exp(2 - values[:, 0] - 0.5 * values[:, 1]))
    label = (rng.random(count) < chance).astype(np.int8)
    values[rng.random(count) < 0.01, 2] = np.nan
    body = {name: values[:, i] for i, name in enumerate(FEATURES)}
    weight = rng.random(count, dtype=np.float32) + np.float32(0.1)
    times = pl.Series([START]).repeat_by(count).explode()
    return pl.DataFrame({"event_time": times, "label": label, **body, "weight": weight})


def step(folder: Path, *, rounds: int, external: bool) -> dict[str, Any]:
    """Run the step itself: copy, scan, read, bin, boost, store."""
    run = RunDir(str(folder))
    spec = spec_of(rounds=rounds, external=external)
    run.files.write_atomic(
        "manifest.json",
        json.dumps({"spec": spec.model_dump(mode="json", by_alias=True)}).encode(),
    )
    run.files.remove(f"{fit.step_name('full_28d')}/_SUCCESS")
    imported = peak_mb()
    began = time.perf_counter()
    said = fit.train(run.url, "full_28d")
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "peak_mb": peak_mb(),
        "imports_mb": imported,
        "rounds": said["rounds"],
        "valid_logloss": said["valid_logloss"],
    }


def ratio(folder: Path, *, rounds: int, turns: int) -> dict[str, Any]:
    """Time our boosting and the bare library's, in turns, on one matrix in memory."""
    run, spec = RunDir(str(folder)), spec_of(rounds=rounds, external=False)
    params = {**fit.DEFAULTS, "objective": spec.train.objective, "seed": spec.train.seed}
    train, valid = (
        scan_rows(Path(run.path(dataset.STEP, f"{name}.parquet")), batch_rows=CHUNK)
        for name in ("train", "valid")
    )
    matrices = open_matrices(train, valid, FEATURES, max_bin=int(params["max_bin"]))

    def ours() -> None:
        boost(params, matrices, rounds=rounds, early_stopping_rounds=rounds)

    def bare() -> None:
        xgb.train(
            params,
            matrices.train,
            num_boost_round=rounds,
            evals=[(matrices.valid, "valid")],
            early_stopping_rounds=rounds,
            verbose_eval=False,
        )

    bare()  # builds what the matrix keeps
    pairs = [(cpu_and_wall(ours), cpu_and_wall(bare)) for _ in range(turns)]
    return {
        "ours_s": round(statistics.median(one[1] for one, _ in pairs), 2),
        "bare_s": round(statistics.median(other[1] for _, other in pairs), 2),
        "x_bare": round(statistics.median(one[1] / other[1] for one, other in pairs), 3),
        "x_bare_cpu": round(statistics.median(one[0] / other[0] for one, other in pairs), 3),
    }


def cpu_and_wall(work: Any) -> tuple[float, float]:
    """Return the CPU and wall seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def peak_mb() -> int:
    """Return the most memory that this process has held so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1_024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    what, where, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    found = {
        "make": lambda: make(where, number),
        "external": lambda: step(where, rounds=number, external=True),
        "memory": lambda: step(where, rounds=number, external=False),
        "ratio": lambda: ratio(where, rounds=number, turns=5),
    }[what]()
    print(json.dumps(found))
