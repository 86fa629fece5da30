"""Damage to features as served: missing, of another unit, leaking, or of another item."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from damage import Damage
from damage_impressions import IN_TEN, put
from damaged_lake import Edit

CO, PRICE = "co_7d", "price"
AFFINITY, LEVEL = "user-item_affinity_0", "user_feature_0"


def of_features() -> list[Damage]:
    """Return the damage to features, of the shop and of the logged policy."""
    return [
        _type("feature as text", lambda f: f.with_columns(pl.col(PRICE).cast(pl.String))),
        _type("feature column missing", lambda f: f.drop(CO)),
        shop("feature NaN in a third of the rows", CO, "missing_excess", put(CO, NAN, IN_TEN < 3)),
        shop("feature gone null", CO, "missing_excess", put(CO, pl.lit(None))),
        shop("infinities in a feature", CO, "infinite", put(CO, INFINITE, IN_TEN == 0)),
        shop(
            "another unit: 100 times larger",
            PRICE,
            "outside_excess",
            put(PRICE, pl.col(PRICE) * 100),
        ),
        shop(
            "sign flipped",
            "popularity_28d",
            "outside_excess",
            put("popularity_28d", -pl.col("popularity_28d")),
        ),
        shop("feature constant", CO, "constant", put(CO, pl.lit(0.5))),
        shop("feature shuffled among the rows", CO, "skew", shuffle),
        shop(
            "the label leaked into a feature",
            CO,
            "auc",
            put(CO, pl.col("clicked") + pl.col(CO) / 100),
        ),
        policy("category renamed", LEVEL, "unknown_levels", put(LEVEL, pl.format("v2-{}", LEVEL))),
        policy(
            "feature of a thin log gone null",
            AFFINITY,
            "missing_excess",
            put(AFFINITY, pl.lit(None)),
        ),
    ]


NAN, INFINITE = pl.lit(float("nan")), pl.lit(float("inf"))


def shop(name: str, feature: str, fact: str, edit: Edit) -> Damage:
    """Return damage to a feature in one busy hour of the shop."""
    return _damage(name, feature, fact, edit, scope="hour", model="also_bought")


def policy(name: str, feature: str, fact: str, edit: Edit) -> Damage:
    """Return damage to a feature all day, in a log too thin to judge its hours."""
    return _damage(name, feature, fact, edit, scope="day", model="open_bandit")


def _damage(
    name: str,
    feature: str,
    fact: str,
    edit: Edit,
    *,
    scope: Literal["hour", "day"],
    model: Literal["also_bought", "open_bandit"],
) -> Damage:
    return Damage(
        name=name,
        table="impressions",
        plant=lambda lake: lake.edit(
            "impressions", edit, lake.whole_day() if scope == "day" else None
        ),
        caught_by=("features", fact),
        subject=feature,
        scope=scope,
        model=model,
    )


def _type(name: str, edit: Edit) -> Damage:
    """Return damage to the shape of one hour's file, which no feature's fact can be read from."""
    return Damage(
        name=name,
        table="impressions",
        plant=lambda lake: lake.edit("impressions", edit),
        caught_by=("impressions", "contract"),
    )


def shuffle(frame: pl.DataFrame) -> pl.DataFrame:
    """Give every row the feature of another one."""
    order = np.random.default_rng(7).permutation(frame.height)
    return frame.with_columns(frame[CO][order].alias(CO))
