"""Boosting on rows that need not fit into memory, stopped early on the validation rows.

Three ways to hold the rows, the first that fits:

- *raw*, when boosting goes on from another model: its trees split between our bins, so that on
  binned rows its scores, and what is learned from their errors, would be off.
- *binned in memory*: one byte a value.
- *binned on disk*, above `train.external_memory_above` rows: pages of one batch each. On a GPU the
  pages stay in the host's memory instead, as XGBoost has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from evergreen.trainer.batches import Batches, Rows
from evergreen.trainer.progress import Progress, say

LOSS = "logloss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrices:
    """Training and validation rows as XGBoost holds them."""

    train: xgb.DMatrix
    valid: xgb.DMatrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Boosted:
    """A trained model.

    Parameters:
        booster: its best rounds, those of the model that it went on from included.
        loss: log loss of the validation rows, weighted.
        base_loss: the same of the model that it went on from; None without one.
    """

    booster: xgb.Booster
    loss: float
    base_loss: float | None


def open_matrices(
    train: Rows,
    valid: Rows,
    features: tuple[str, ...],
    *,
    max_bin: int,
    cache: Path | None = None,
    raw: bool = False,
    to_device: Callable[[np.ndarray], Any] | None = None,
) -> Matrices:
    """Read both parts.

    Let go of the matrices before the cache is removed: XGBoost reads from it to the end.

    Args:
        max_bin: bins a feature.
        cache: a folder for pages; None: everything in memory.
        raw: keep the values, not their bins.
        to_device: what copies a batch to the GPU; None: it stays in memory.
    """

    def batches(name: str, rows: Rows) -> Batches:
        return Batches(
            rows,
            features,
            cache_prefix=None if cache is None else str(cache / name),
            to_device=to_device,
            told=_Reading(name, rows.count),
        )

    learned, judged = batches("train", train), batches("valid", valid)
    if raw:
        return Matrices(train=xgb.DMatrix(learned), valid=xgb.DMatrix(judged))
    kind = xgb.QuantileDMatrix if cache is None else xgb.ExtMemQuantileDMatrix
    binned = kind(learned, max_bin=max_bin)
    return Matrices(train=binned, valid=kind(judged, max_bin=max_bin, ref=binned))


def boost(
    params: Mapping[str, Any],
    matrices: Matrices,
    *,
    rounds: int,
    early_stopping_rounds: int,
    base: xgb.Booster | None = None,
) -> Boosted:
    """Train until the validation loss has not fallen for so many rounds, and keep the best ones.

    Args:
        params: XGBoost's. Another `eval_metric` than log loss decides when to stop, no more.
        rounds: at most, beyond those of `base`.
        base: the model to go on from; its trees come first and stay as they are.
    """
    history: dict[str, dict[str, list[float]]] = {}
    metrics = list(dict.fromkeys([LOSS, str(params.get("eval_metric", LOSS))]))
    booster = xgb.train(
        {**params, "eval_metric": metrics},
        matrices.train,
        num_boost_round=rounds,
        evals=[(matrices.valid, "valid")],
        early_stopping_rounds=early_stopping_rounds,
        evals_result=history,
        verbose_eval=False,
        xgb_model=base,
        callbacks=[_Rounds(rounds)],
    )
    before = 0 if base is None else base.num_boosted_rounds()
    best = int(booster.best_iteration)  # counts the base's rounds; the history does not
    loss = history["valid"][LOSS][best - before]
    made, kept = len(history["valid"][LOSS]), best - before + 1
    say(f"{made} rounds, the best is number {kept}: valid {LOSS} {loss:.5f}")
    return Boosted(
        booster=booster[: best + 1],
        loss=loss,
        base_loss=None if base is None else _loss(base, matrices.valid),
    )


def _loss(booster: xgb.Booster, rows: xgb.DMatrix) -> float:
    judge = booster.copy()
    judge.set_param({"eval_metric": LOSS})
    return float(str(judge.eval(rows)).rpartition(":")[2])


class _Reading:
    """Says how many rows were read, pass by pass."""

    def __init__(self, name: str, count: int) -> None:
        self._name, self._count = name, count
        self._pass, self._progress = 0, Progress(count, "", quiet=True)

    def __call__(self, read: int, number: int) -> None:
        if number != self._pass:
            self._pass = number
            unit = f"{self._name} rows read, pass {number}"
            self._progress = Progress(self._count, unit, quiet=True)
        self._progress.at(read)


class _Rounds(xgb.callback.TrainingCallback):
    """Says how far the boosting is."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._progress = Progress(rounds, "rounds")

    def after_iteration(
        self, model: xgb.Booster, epoch: int, evals_log: xgb.callback.TrainingCallback.EvalsLog
    ) -> bool:
        """Say a line now and then; never stops the training."""
        del model
        self._progress.at(epoch + 1, f"valid {LOSS} {evals_log['valid'][LOSS][-1]:.5f}")
        return False
