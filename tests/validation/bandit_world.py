"""A week of a policy's logged impressions: 60 an hour, without lists, users or orders."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from good_world import BANDIT_LOG, DAY, WEEK, World

from evergreen.adapters.facts import Known
from evergreen.adapters.lake import Lake
from evergreen.adapters.reference import reference_profile
from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.config.settings import PROJECT
from evergreen.domain.windows import Window
from evergreen.storefront.bandit_log import (
    Campaign,
    Policy,
    land_bandit_log,
    read_bandit_log,
)

BANDIT_START = datetime(2019, 11, 24, tzinfo=UTC)


def bandit_world(folder: Path, policy: Policy = "random", campaign: Campaign = "men") -> World:
    """Return a week of a policy's logged impressions, watched since its first three days."""
    spec = load_spec(PROJECT / "include" / "models" / "open_bandit")
    real = BANDIT_LOG.is_dir()
    rows = read_bandit_log(BANDIT_LOG, policy, campaign) if real else made_bandit_log(spec)
    lake = Lake(str(folder), spec.columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        week = land_bandit_log(rows, lake, version=policy).window
    profile = reference_profile(
        lake, Window(week.start, week.start + 3 * DAY), spec, version=policy
    )
    known = Known(versions=frozenset({policy}), items=None, profile=profile, recompute=None)
    day = week.start + 4 * DAY
    return World(
        spec=spec,
        root=folder,
        known=known,
        day=day,
        usual=day,
        good=tuple(week.start + n * DAY for n in range(week.length // DAY)),
        real=real,
    )


def made_bandit_log(spec: ModelSpec, seed: int = 7) -> pl.DataFrame:
    """Return a week of 10,000 page views as `read_bandit_log` does: 34 items, chosen evenly."""
    rng, rows, items = np.random.default_rng(seed), 10_000, 34
    second = np.sort(rng.integers(0, WEEK // timedelta(seconds=1), rows))
    numeric = {name: rng.exponential(1.0, rows) for name in spec.features.numeric}
    levels = {name: rng.integers(0, 5, rows).astype(str) for name in spec.features.categorical}
    return pl.DataFrame(
        {
            "timestamp": second * 1_000_000 + int(BANDIT_START.timestamp()) * 1_000_000,
            "page_view_id": [f"made-{n}" for n in range(rows)],
            "item_id": rng.integers(0, items, rows).astype(str),
            "position": rng.integers(1, 4, rows),
            "propensity_score": np.full(rows, 1 / items),
            "click": rng.random(rows) < 0.005,
            "score": pl.Series([None] * rows, dtype=pl.Float32),
            "source": ["model"] * rows,
            **numeric,
            **levels,
        }
    ).cast(
        {
            "timestamp": pl.Datetime("us", "UTC"),
            "position": pl.Int8,
            "propensity_score": pl.Float32,
            **dict.fromkeys(numeric, pl.Float32),
        }
    )
