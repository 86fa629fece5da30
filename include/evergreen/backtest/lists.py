"""The lists that a retraining would have published, and what is known of the model behind them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import xgboost as xgb

from evergreen.domain.profile import ReferenceProfile
from evergreen.trainer.holdout import Offered
from evergreen.trainer.scoring import load_booster

LISTS, POPULAR, MODEL, PROFILE, SAID = (
    "lists.parquet",
    "popular.parquet",
    "model.ubj",
    "profile.json",
    "said.json",
)


@dataclass(frozen=True)
class Trained:
    """A kept retraining: its folder in the cache holds what the steps would have left.

    Parameters:
        folder: lists, popular items, model, what was said, and of a judged one its profile.
    """

    folder: Path

    @property
    def key(self) -> str:
        """Its name: equal for equal orders, spec and code."""
        return self.folder.name

    @cached_property
    def said(self) -> dict[str, Any]:
        """What the steps told: times, rounds, losses, verdict."""
        return dict(json.loads((self.folder / SAID).read_text()))

    @property
    def offered(self) -> Offered:
        """The lists to publish."""
        return Offered(
            recommendations=pl.read_parquet(self.folder / LISTS),
            popular=pl.read_parquet(self.folder / POPULAR),
        )

    @property
    def booster(self) -> xgb.Booster:
        """The model."""
        return load_booster(self.folder / MODEL)

    def profile(self, version: int) -> ReferenceProfile:
        """Return what to expect of it as this version."""
        body = json.loads((self.folder / PROFILE).read_text())
        return ReferenceProfile.from_json(body, model_version=str(version))


def keep(
    folder: Path,
    *,
    lists: pl.DataFrame,
    popular: pl.DataFrame,
    booster: xgb.Booster,
    said: dict[str, Any],
    profile: dict[str, Any] | None = None,
) -> None:
    """Write what a retraining left."""
    lists.write_parquet(folder / LISTS, compression="lz4")
    popular.write_parquet(folder / POPULAR)
    booster.save_model(folder / MODEL)
    if profile is not None:
        (folder / PROFILE).write_text(json.dumps(profile))
    (folder / SAID).write_text(json.dumps(said, indent=1))
