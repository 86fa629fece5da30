"""Run directories with tables made by hand, and a registry that is kept in memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from evergreen.adapters.registry import Registry
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import VersionUnknown
from evergreen.trainer.manifest import RunDir


class Versions(Registry):
    """Registered versions in a folder: importing MLflow takes seconds, and this none."""

    def __init__(self, folder: Path) -> None:
        super().__init__("file")
        self.folder = folder
        self.keys: list[str] = []
        self.registered: list[dict[str, Any]] = []
        self.digests_asked: list[tuple[int, str, str | None]] = []

    def version_of(self, model: str, run_key: str) -> int | None:
        return self.keys.index(run_key) + 1 if run_key in self.keys else None

    def register(
        self,
        model: str,
        *,
        run_key: str,
        booster_file: Path,
        features: Sequence[str],
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        artifacts: Mapping[str, Path],
        tags: Mapping[str, str],
    ) -> int:
        known = self.version_of(model, run_key)
        if known is not None:
            return known
        self.keys.append(run_key)
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(booster_file, self.folder / f"{len(self.keys)}.ubj")
        read = {name: json.loads(path.read_text()) for name, path in artifacts.items()}
        self.registered.append(
            {
                "features": tuple(features),
                "params": params,
                "metrics": metrics,
                "tags": tags,
                **read,
            }
        )
        return len(self.keys)

    def fetch(
        self, model: str, version: int, name: str, target: Path, *, sha256: str | None = None
    ) -> Path:
        self.digests_asked.append((version, name, sha256))
        if version > len(self.keys):
            raise VersionUnknown(f"{model} has no version {version}")
        target.mkdir(parents=True, exist_ok=True)
        if name in self.registered[version - 1]:
            (target / name).write_text(json.dumps(self.registered[version - 1][name]))
            return target / name
        return Path(shutil.copyfile(self.folder / f"{version}.ubj", target / name))


def make_run(folder: Path, spec: ModelSpec, run_key: str = "k", **more: Any) -> RunDir:
    """Return a run directory with a manifest, more of it as given, and nothing else."""
    run = RunDir(str(folder / run_key))
    run.write_manifest(
        {
            "model": spec.model,
            "run_key": run_key,
            "spec": spec.model_dump(mode="json", by_alias=True),
            "window": {"start": "2011-04-04T00:00:00+00:00", "end": "2011-04-18T00:00:00+00:00"},
            "lake": str(folder / "lake"),
            "code": "c",
            "evergreen": "0",
            **more,
        }
    )
    return run


def finish(run: RunDir, step: str, result: dict[str, Any], **tables: pl.DataFrame) -> None:
    """Store a step's result and tables, as the step does."""
    with run.running(step) as output:
        assert output is not None
        output.result |= result
        for name, frame in tables.items():
            frame.write_parquet(output.folder / f"{name}.parquet")


def rows(count: int, clicks: int, features: Sequence[str]) -> pl.DataFrame:
    """Return rows to learn from: the first ones are clicked, and each feature says so."""
    label = [int(i < clicks) for i in range(count)]
    body = {name: [float(i) for i in range(count)] for name in features}
    return pl.DataFrame({"label": label, **body, "weight": [0.5] * count}).cast(
        {"label": pl.Int8, "weight": pl.Float32, **dict.fromkeys(features, pl.Float32)}
    )
