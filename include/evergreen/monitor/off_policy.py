"""Off-policy evaluation over a lake of impressions that log their propensity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ColumnMissing, PolicyInvalid, PropensitiesMissing, WindowEmpty
from evergreen.domain.off_policy import OffPolicy, evaluate_policy
from evergreen.domain.windows import Window

KEYS = ("item_id", "context_item_id", "position")
READ = ("page_view_id", "item_id", "position", "clicked", "propensity")


def read_policy(path: Path) -> pl.DataFrame:
    """Return a policy's `item_id`, maybe `context_item_id` and `position`, and `probability`.

    Raises:
        PolicyInvalid: no CSV or Parquet file, a column is missing, or a probability is out of
            bounds or said twice.
    """
    try:
        found = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
        keys = [name for name in KEYS if name in found.columns]
        types = {"item_id": pl.String, "context_item_id": pl.String, "position": pl.Int8}
        policy = found.select(
            *(pl.col(name).cast(types[name]) for name in keys),
            pl.col("probability").cast(pl.Float64),
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PolicyInvalid(
            f"{path} cannot be read as a policy ({str(error).splitlines()[0][:200]}); expected CSV "
            "or Parquet with item_id, probability, and context_item_id or position where it "
            "depends on them"
        ) from None
    wrong = ~pl.col("probability").is_between(0, 1) | pl.col("probability").is_nan()
    if "item_id" not in keys or policy.filter(wrong | pl.col("probability").is_null()).height:
        raise PolicyInvalid(f"{path}: expected item_id, and each probability from 0 to 1")
    if policy.select(keys).is_duplicated().any():
        raise PolicyInvalid(f"{path}: an item has two probabilities at one place; expected one")
    return policy


def evaluate_over(
    spec: ModelSpec,
    window: Window,
    policy: pl.DataFrame | None,
    *,
    lake: Lake,
    clip: float | None,
    min_effective_sample: float,
) -> OffPolicy:
    """Estimate a policy's CTR from a window's mature impressions; one cluster a page view.

    Parameters:
        policy: of `read_policy`; None: the log's own, whose value is the log's CTR.

    Raises:
        PropensitiesMissing: the impressions have no propensity, or not all of them.
        WindowEmpty: there is no impression with a label.
    """
    keys = [] if policy is None else [name for name in KEYS if name in policy.columns]
    try:
        rows = lake.read("impressions", window, list(dict.fromkeys([*READ, *keys])))
    except ColumnMissing as error:
        if "'propensity'" not in str(error):
            raise
        raise PropensitiesMissing(_refusal(spec)) from None
    rows = rows.filter(pl.col("clicked").is_not_null())
    if not rows.height:
        raise WindowEmpty(f"{spec.model} has no labelled impression in {window}; land hours first")
    bad = rows["propensity"].is_null() | ~rows["propensity"].is_between(0, 1, closed="right")
    if bad.any():
        raise PropensitiesMissing(
            f"{_refusal(spec)} ({int(bad.sum()):,} of {rows.height:,} impressions have none)"
        )
    logged = rows["propensity"].to_numpy()
    target = logged
    if policy is not None:
        found = rows.join(policy, on=keys, how="left", maintain_order="left")["probability"]
        target = found.fill_null(0.0).to_numpy()
    return evaluate_policy(
        rows["clicked"].cast(pl.Float64).to_numpy(),
        np.asarray(logged, dtype=float),
        np.asarray(target, dtype=float),
        rows["page_view_id"].to_physical().rank("dense").to_numpy(),
        clip=clip,
        min_effective_sample=min_effective_sample,
    )


def _refusal(spec: ModelSpec) -> str:
    return (
        f"{spec.model} logs no propensity: how likely each item was to be shown. Lists that are "
        "always the same have none, and nothing can be said of another policy from them. Expected "
        "a column propensity, above 0 and at most 1, in impressions; let the shop choose at random "
        "among items, and log with which probability"
    )
