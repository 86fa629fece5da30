"""The reference profile of a challenger: what it would have shown, and what that would have earned.

What it will earn, and how often it has no answer, comes from page views that it never saw: its
lists of the holdout's start on the holdout. What its features and scores look like comes from the
very lists that will be published, on the page views of the whole training window: a feature keeps
the value it had when the list was made, so that any older list would look like a drift.

Both are landed in a lake of their own for a moment and measured by the engine that will measure the
real impressions, so that all are counted by the same code.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import xgboost as xgb

from evergreen.adapters.lake import Lake
from evergreen.adapters.reference import SOURCE, reference_profile
from evergreen.config.model_spec import LakeSpec, ModelSpec
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import Window


def gain_importance(booster: xgb.Booster, features: Sequence[str]) -> dict[str, float]:
    """Return each feature's share of the trees' total gain, 0 to 1; 0 where none splits on it."""
    gain = booster.get_score(importance_type="total_gain")
    of = {name: float(gain[name]) if name in gain else 0.0 for name in features}  # type: ignore[arg-type]
    total = sum(of.values())
    return {name: value / total if total else 0.0 for name, value in of.items()}


def expected_profile(
    earned: pl.DataFrame,
    published: pl.DataFrame,
    *,
    holdout: Window,
    window: Window,
    spec: ModelSpec,
    importance: Mapping[str, float],
) -> ReferenceProfile:
    """Return the profile of a challenger.

    Parameters:
        earned: impressions on the holdout, with the lake's columns and labels.
        published: impressions of the lists to be published, on the window's page views; their
            labels do not count, for these lists have seen the clicks.
        holdout, window: their hours; hours without impressions are closed hours.
        importance: of each feature, 0 to 1.
    """
    answers = _profile_of(earned, holdout, spec, importance)
    unlabelled = published.with_columns(clicked=pl.lit(None, pl.Boolean))
    features = _profile_of(unlabelled, window, spec, importance)
    return replace(
        answers,
        columns={**features.columns, SOURCE: answers.columns[SOURCE]},
        reference=f"CTR and source: holdout {holdout}; features: page views of {window}",
    )


def _profile_of(
    shown: pl.DataFrame, window: Window, spec: ModelSpec, importance: Mapping[str, float]
) -> ReferenceProfile:
    here = spec.model_copy(update={"lake": LakeSpec(), "columns": {}})
    hour = pl.col("event_time").dt.truncate("1h")
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(str(Path(folder) / "lake"))
        for (start,), rows in (
            shown.with_columns(hour=hour)
            .partition_by("hour", as_dict=True, include_key=False)
            .items()
        ):
            if isinstance(start, datetime):
                lake.land_hour("impressions", start, rows)
        return reference_profile(lake, window, here, importance=importance)
