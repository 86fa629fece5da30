"""Step `train`: a click model by XGBoost, stopped early on the validation rows."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import xgboost as xgb

from evergreen.adapters.registry import Registry
from evergreen.config.model_spec import ModelSpec
from evergreen.config.train_spec import FRESH, FULL
from evergreen.domain.errors import WindowEmpty
from evergreen.trainer import dataset
from evergreen.trainer.batches import Decay, Rows, scan_rows
from evergreen.trainer.boosting import Boosted, boost, open_matrices
from evergreen.trainer.device import device_params, to_device
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.progress import say
from evergreen.trainer.step_folder import step_folder
from evergreen.trainer.variants import MODEL_FILE as MODEL_FILE
from evergreen.trainer.variants import Base, Skip, find_base, since_of, too_few

DEFAULTS: dict[str, float | int | str] = {
    "eta": 0.1,
    "max_depth": 5,
    "min_child_weight": 20,
    "tree_method": "hist",
    "max_bin": 128,
    "eval_metric": "logloss",
}


def step_name(variant: str) -> str:
    """Return the folder of a variant below the run directory."""
    return step_folder("train", {"variant": variant})


def train(run_dir: str, variant: str, *, registry: Registry | None = None) -> dict[str, Any]:
    """Train one variant and store it as UBJ, or say why it is skipped.

    Args:
        registry: where `fresh_24h` finds the champion; the others need none.

    Raises:
        ManifestInvalid: the data set has not been built.
        WindowEmpty: no row, or labels of one kind only, for `full_28d` to learn from.
        GpuMissing: `compute.gpu` asks for what is not there.
        RegistryUnreachable: MLflow does not answer, for `fresh_24h`.
    """
    run = RunDir(run_dir)
    run.require(dataset.STEP)
    with run.running(step_name(variant)) as output:
        if output is not None:
            spec = run.spec()
            with tempfile.TemporaryDirectory(prefix="evergreen-train-") as scratch:
                found = _learn(run, spec, variant, Path(scratch), registry)
            if isinstance(found, Skip):
                say(f"{variant} is skipped: {found.reason}")
                output.result |= {"variant": variant, "skipped": found.reason}
            else:
                boosted, said = found
                boosted.booster.save_model(output.folder / MODEL_FILE)
                output.result |= {"variant": variant, **said, **figures(boosted)}
    return run.require(step_name(variant))


def _learn(
    run: RunDir, spec: ModelSpec, variant: str, scratch: Path, registry: Registry | None
) -> Skip | tuple[Boosted, dict[str, Any]]:
    base = _base(run, spec, variant, scratch, registry)
    if isinstance(base, Skip):
        return base
    train_rows, valid_rows = _rows(run, spec, variant, scratch)
    return learn(spec, variant, train_rows, valid_rows, base=base, scratch=scratch)


def learn(
    spec: ModelSpec,
    variant: str,
    train_rows: Rows,
    valid_rows: Rows,
    *,
    base: Base | None,
    scratch: Path,
    more_params: Mapping[str, Any] | None = None,
) -> Skip | tuple[Boosted, dict[str, Any]]:
    """Train one variant on these rows; return the model and what is told of it, or why not.

    Args:
        base: the model that `fresh_24h` goes on from; None for the others.
        scratch: a folder for pages, where the rows do not fit into memory.
        more_params: for XGBoost, such as `nthread`; they do not change what is learned.

    Raises:
        WindowEmpty: no row, or labels of one kind only, for `full_28d` to learn from.
        GpuMissing: `compute.gpu` asks for what is not there.
    """
    if variant == FULL:
        _refuse_one_kind(train=train_rows, valid=valid_rows)
    else:
        few = too_few(train_rows, valid_rows, spec.train.min_rows)
        if few is not None:
            return few
    params = {
        **DEFAULTS,
        **spec.train.params,
        "objective": spec.train.objective,
        "seed": spec.train.seed,
        **device_params(spec.compute.gpu),
    }
    external = train_rows.count > spec.train.external_memory_above
    try:
        boosted = _boost(
            spec,
            {**params, **(more_params or {})},
            train_rows,
            valid_rows,
            scratch if external else None,
            base,
        )
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # they hold matrices, whose pages go next
        raise
    if base is not None and boosted.base_loss is not None and boosted.loss >= boosted.base_loss:
        return Skip(
            reason=f"no round more lowers the validation loss of version {base.version}, "
            f"{boosted.base_loss:.6f}: at best {boosted.loss:.6f}"
        )
    return boosted, {
        "params": params,
        "train_rows": train_rows.count,
        "valid_rows": valid_rows.count,
        "external_memory": external,
        **({} if base is None else {"continued_from": base.version}),
    }


def _base(
    run: RunDir, spec: ModelSpec, variant: str, scratch: Path, registry: Registry | None
) -> Base | Skip | None:
    if variant != FRESH:
        return None
    if registry is None:
        raise ValueError(f"{FRESH} continues from the champion: train needs the registry")
    start = datetime.fromisoformat(run.require(dataset.STEP)["validation_start"])
    return find_base(run.manifest(), spec, start, registry=registry, folder=scratch / "base")


def _rows(run: RunDir, spec: ModelSpec, variant: str, scratch: Path) -> tuple[Rows, Rows]:
    train_path, valid_path = (
        run.fetch(dataset.STEP, f"{name}.parquet", scratch / f"{name}.parquet")
        for name in ("train", "valid")
    )
    until = None
    if variant != FULL or spec.train.half_life is not None:
        until = datetime.fromisoformat(run.require(dataset.STEP)["validation_start"])
    return rows_of(spec, variant, train_path, valid_path, until=until)


def rows_of(
    spec: ModelSpec,
    variant: str,
    train_source: Path | pl.DataFrame,
    valid_source: Path | pl.DataFrame,
    *,
    until: datetime | None,
) -> tuple[Rows, Rows]:
    """Return which rows a variant learns from, and which it is stopped early by.

    Args:
        until: where validation begins; `full_28d` without a half-life needs none.
    """
    since = None if until is None else since_of(variant, until)
    decay = None
    if until is not None and spec.train.half_life is not None:
        decay = Decay(half_life=spec.train.half_life, until=until)
    size = spec.train.batch_rows
    return (
        scan_rows(train_source, batch_rows=size, since=since, decay=decay),
        scan_rows(valid_source, batch_rows=size),
    )


def _refuse_one_kind(**parts: Rows) -> None:
    for name, rows in parts.items():
        if rows.one_kind:
            raise WindowEmpty(
                f"{rows.count:,} {name} rows with {rows.clicks:,} clicks: both clicked and "
                f"unclicked rows are needed; ask for a longer window"
            )


def _boost(
    spec: ModelSpec,
    params: dict[str, Any],
    train_rows: Rows,
    valid_rows: Rows,
    cache: Path | None,
    base: Base | None,
) -> Boosted:
    """Train; the matrices end with this call, before their cache does."""
    features = spec.features.names
    where = "in memory" if cache is None else "in external memory"
    say(f"training on {train_rows.count:,} rows, {len(features)} features, {where}")
    on_gpu = cache is not None and base is None and bool(spec.compute.gpu)
    matrices = open_matrices(
        train_rows,
        valid_rows,
        features,
        max_bin=int(params["max_bin"]),
        cache=cache,
        raw=base is not None,
        to_device=to_device() if on_gpu else None,
    )
    return boost(
        params,
        matrices,
        rounds=spec.train.rounds,
        early_stopping_rounds=spec.train.early_stopping_rounds,
        base=None if base is None else base.booster,
    )


def figures(boosted: Boosted) -> dict[str, Any]:
    """Return what a trained model is told by: rounds, losses, gain."""
    booster: xgb.Booster = boosted.booster
    gain = booster.get_score(importance_type="total_gain")
    base_loss = boosted.base_loss
    return {
        "rounds": booster.num_boosted_rounds(),
        "valid_logloss": round(boosted.loss, 6),
        **({} if base_loss is None else {"base_valid_logloss": round(base_loss, 6)}),
        "gain": {name: round(float(value), 3) for name, value in gain.items()},  # type: ignore[arg-type]
    }
