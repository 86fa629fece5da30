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
    "eta": 0.1,
    "max_depth": 5,
    "min_child_weight": 20,
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
                "rounds": booster.num_boosted_rounds(),
                "valid_logloss": round(min(evals), 6),
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
    parts = {name: run.table(dataset.STEP, f"{name}.parquet") for name in ("train", "valid")}
    for name, rows in parts.items():
        if rows["label"].n_unique() < 2:
            raise WindowEmpty(
                f"{rows.height:,} {name} rows with {rows['label'].sum()} clicks: both clicked and "
                f"unclicked rows are needed; ask for a longer window"
            )
    say(f"training on {parts['train'].height:,} rows, {len(features)} features")
    max_bin = int(spec.train.params.get("max_bin", DEFAULTS["max_bin"]))
    train_matrix = _quantiles(parts["train"], features, max_bin, ref=None)
    valid_matrix = _quantiles(parts["valid"], features, max_bin, ref=train_matrix)
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


def _quantiles(
    rows: pl.DataFrame, features: tuple[str, ...], max_bin: int, ref: xgb.DMatrix | None
) -> xgb.QuantileDMatrix:
    """Return the binned rows; their weights have mean 1, so that `min_child_weight` counts rows."""
    weight = rows["weight"].to_numpy()
    return xgb.QuantileDMatrix(
        matrix(rows, features),
        rows["label"].to_numpy(),
        weight=weight / weight.mean(),
        feature_names=list(features),
        max_bin=max_bin,
        ref=ref,
    )


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
