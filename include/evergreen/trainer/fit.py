"""Step `train`: a click model by XGBoost, stopped early on the validation rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import xgboost as xgb

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import WindowEmpty
from evergreen.trainer import dataset
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.progress import say

MODEL_FILE = "model.ubj"
SAY_EVERY = 20
DEFAULTS: dict[str, float | int | str] = {
    "eta": 0.15,
    "max_depth": 6,
    "min_child_weight": 10,
    "tree_method": "hist",
    "max_bin": 128,
    "eval_metric": "logloss",
}


def step_name(variant: str) -> str:
    """Return the folder of a variant below the run directory."""
    return f"train/{variant}"


def train(run_dir: str, variant: str) -> dict[str, Any]:
    """Train one variant and store it as UBJ.

    Raises:
        ManifestInvalid: the data set has not been built.
        WindowEmpty: no row, or labels of one kind only, to learn from.
    """
    run = RunDir(run_dir)
    spec = ModelSpec.model_validate(run.manifest()["spec"])
    run.require(dataset.STEP)
    with run.running(step_name(variant)) as output:
        if output is not None:
            booster, evals = _fit(run, spec)
            booster.save_model(output.folder / MODEL_FILE)
            gain = booster.get_score(importance_type="total_gain")
            output.result |= {
                "variant": variant,
                "rounds": booster.best_iteration + 1,
                "valid_logloss": round(evals[booster.best_iteration], 6),
                "params": {**DEFAULTS, **spec.train.params, "objective": spec.train.objective},
                "gain": {name: round(float(value), 3) for name, value in gain.items()},  # type: ignore[arg-type]
            }
    return run.require(step_name(variant))


def matrix(rows: pl.DataFrame, features: tuple[str, ...]) -> np.ndarray:
    """Return features as float32, missing ones NaN, [N, F]."""
    return rows.select(
        pl.col(name).cast(pl.Float32).fill_null(np.nan) for name in features
    ).to_numpy()


def _fit(run: RunDir, spec: ModelSpec) -> tuple[xgb.Booster, list[float]]:
    features = spec.features.names
    parts = {
        name: pl.read_parquet(run.path(dataset.STEP, f"{name}.parquet"))
        for name in ("train", "valid")
    }
    for name, rows in parts.items():
        if rows["label"].n_unique() < 2:
            raise WindowEmpty(
                f"{rows.height:,} {name} rows with {rows['label'].sum()} clicks: both clicked and "
                f"unclicked rows are needed; ask for a longer window"
            )
    say(f"training on {parts['train'].height:,} rows, {len(features)} features")
    train_matrix = xgb.QuantileDMatrix(
        matrix(parts["train"], features),
        parts["train"]["label"].to_numpy(),
        feature_names=list(features),
        max_bin=int(spec.train.params.get("max_bin", DEFAULTS["max_bin"])),
    )
    valid_matrix = xgb.QuantileDMatrix(
        matrix(parts["valid"], features),
        parts["valid"]["label"].to_numpy(),
        feature_names=list(features),
        ref=train_matrix,
    )
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        {
            **DEFAULTS,
            **spec.train.params,
            "objective": spec.train.objective,
            "seed": spec.train.seed,
        },
        train_matrix,
        num_boost_round=spec.train.rounds,
        evals=[(valid_matrix, "valid")],
        early_stopping_rounds=spec.train.early_stopping_rounds,
        evals_result=history,
        verbose_eval=False,
        callbacks=[_Rounds(spec.train.rounds)],
    )
    metric = next(iter(history["valid"]))
    return booster[: booster.best_iteration + 1], history["valid"][metric]


class _Rounds(xgb.callback.TrainingCallback):
    """Says how far the boosting is."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._rounds = rounds

    def after_iteration(
        self, model: xgb.Booster, epoch: int, evals_log: xgb.callback.TrainingCallback.EvalsLog
    ) -> bool:
        """Say a line now and then; never stops the training."""
        del model
        if (epoch + 1) % SAY_EVERY == 0:
            metric, values = next(iter(evals_log["valid"].items()))
            say(f"valid {metric} {values[-1]:.5f}", done=epoch + 1, total=self._rounds)
        return False
