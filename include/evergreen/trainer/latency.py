"""How long models take to score the candidates of one page view."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import polars as pl
import xgboost as xgb

from evergreen.trainer.batches import matrix

CALLS, WARM_UP = 300, 20
"""Enough that three calls lie beyond the 99th percentile."""


def p99_s(boosters: Mapping[str, xgb.Booster], candidates: pl.DataFrame) -> dict[str, float]:
    """Return each model's 99th percentile of the time to score one context item's candidates.

    All models score the same candidates in turns, so that whatever slows the machine slows all.

    Args:
        boosters: by name.
        candidates: `context_item_id` and every feature that any of the boosters needs.

    Returns:
        Seconds; nothing without candidates.
    """
    contexts = candidates["context_item_id"].unique(maintain_order=True).head(CALLS)
    if not contexts.len():
        return {}
    lists = candidates.join(contexts.to_frame(), on="context_item_id", how="semi").partition_by(
        "context_item_id", maintain_order=True
    )
    took: dict[str, list[float]] = {name: [] for name in boosters}
    for call in range(WARM_UP + CALLS):
        frame = lists[call % len(lists)]
        for name, booster in boosters.items():
            rows = matrix(frame, tuple(booster.feature_names or ()))
            began = time.perf_counter()
            booster.inplace_predict(rows)
            took[name].append(time.perf_counter() - began)
    return {name: float(np.quantile(calls[WARM_UP:], 0.99)) for name, calls in took.items()}
