"""From candidates to ranked lists: a booster's scores, best first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import xgboost as xgb

from evergreen.trainer.batches import matrix


def load_booster(path: Path) -> xgb.Booster:
    """Return the booster of a UBJ file."""
    booster = xgb.Booster()
    booster.load_model(path)
    return booster


def scores_of(booster: xgb.Booster, rows: pl.DataFrame) -> np.ndarray:
    """Return the booster's score of each row, [N]; the rows hold its features."""
    names = tuple(booster.feature_names or ())
    features = xgb.DMatrix(matrix(rows, names), feature_names=list(names))
    return np.asarray(booster.predict(features))


def rank_candidates(booster: xgb.Booster, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates as published lists: `rank` from 1, `score`, features as served.

    Ties go to the candidate that comes first.

    Args:
        candidates: `context_item_id`, `item_id` and the booster's features.
    """
    names = tuple(booster.feature_names or ())
    scores = scores_of(booster, candidates)
    scored = candidates.with_columns(score=pl.Series(scores, dtype=pl.Float32))
    return (
        scored.sort(["context_item_id", "score"], descending=[False, True], maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int16).over("context_item_id"))
        .select("context_item_id", "item_id", "rank", "score", *names)
    )
