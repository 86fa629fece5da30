"""Policies to be evaluated off-policy: from a file, or the lists of a model.

A policy is a frame of `item_id`, `probability`, and `context_item_id` and `position` where it
depends on them: how likely the item is to be shown there. Rows without a context hold for every
context that has no rows of its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from evergreen.adapters.lists import RankedLists, catalogue
from evergreen.domain.errors import PolicyInvalid

PLACE = ("context_item_id", "position")
TYPES = {"item_id": pl.String, "context_item_id": pl.String, "position": pl.Int8}
ROUNDING = 1e-6  # by which probabilities of one place may add up to more than 1


def read_policy(path: Path) -> pl.DataFrame:
    """Return the policy of a CSV or Parquet file.

    Raises:
        PolicyInvalid: no such file, a column is missing, or probabilities that are none.
    """
    try:
        found = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
        keys = [name for name in TYPES if name in found.columns]
        policy = found.select(
            *(pl.col(name).cast(TYPES[name]) for name in keys),
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
    _require_at_most_one(policy, path)
    return policy


def policy_of_lists(recommendations: pl.DataFrame, popular: pl.DataFrame, k: int) -> pl.DataFrame:
    """Return what a page of k places shows by these lists, each item with probability 1.

    Popular items fill a short list, and the whole page of a context that has none. What is in the
    basket already, which a shop leaves out, is not known here.

    Args:
        recommendations: `context_item_id`, `item_id`, `rank`, `score`.
        popular: `item_id`, `rank`, `score`.
    """
    columns = (recommendations["context_item_id"], recommendations["item_id"], popular["item_id"])
    items = catalogue(columns)
    lists = RankedLists.of(recommendations, popular, items)
    contexts = np.full(lists.matrix.shape[0], -1)
    known = np.flatnonzero(lists.row_of_item < contexts.size - 1)
    contexts[lists.row_of_item[known]] = known
    offered = (lists.matrix >= 0) & (lists.matrix != contexts[:, None])
    position = offered.cumsum(axis=1)
    row, column = np.nonzero(offered & (position <= k))
    context = pl.Series(contexts[row]).replace(-1, None)
    return pl.DataFrame(
        {
            "context_item_id": items.gather(context),
            "item_id": items.gather(lists.matrix[row, column]),
            "position": pl.Series(position[row, column], dtype=pl.Int8),
            "probability": np.ones(row.size),
        }
    )


def _require_at_most_one(policy: pl.DataFrame, path: Path) -> None:
    place = [name for name in PLACE if name in policy.columns]
    sums = policy.group_by(place) if place else policy.group_by(pl.lit(0))
    if (sums.agg(pl.col("probability").sum())["probability"] > 1 + ROUNDING).any():
        raise PolicyInvalid(f"{path}: probabilities of one place add up to more than 1")
