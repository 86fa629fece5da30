"""Train-serve skew: whether features were served as they are when computed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from evergreen.adapters.facts_day_sample import DaySample

TOLERANCE = 1e-3
"""Relative difference of a served value that is rounding; float32 keeps seven digits."""
PAIR = ("context_item_id", "item_id")
AGAIN = "__again"


def skews(
    sample: DaySample,
    recompute: Callable[[pl.DataFrame], pl.DataFrame],
    features: Mapping[str, pl.DataType],
) -> dict[str, dict[str, float]]:
    """Return by scope each number's share of sampled rows that were served another value.

    Two values differ when only one of them is missing, or |a - b| > 0.001 max(|a|, |b|).

    Parameters:
        recompute: distinct pairs (context_item_id, item_id) to the same with features; those that
            cannot be recomputed are left out. Called once.
    """
    scopes = dict(sample.own_by_scope())
    pairs = (
        pl.concat([rows.select(PAIR) for rows in scopes.values()])
        .drop_nulls()
        .unique(maintain_order=True)
    )
    if not pairs.height:
        return {}
    again = recompute(pairs)
    wanted = [n for n, held in features.items() if held.is_float() and n in again.columns]
    again = again.select(*PAIR, *(pl.col(n).cast(pl.Float32).alias(n + AGAIN) for n in wanted))
    found: dict[str, dict[str, float]] = {}
    for scope, rows in scopes.items():
        both = rows.join(again, on=PAIR)
        if both.height and wanted:
            shares = both.select(_differs(name).mean().alias(name) for name in wanted)
            found[scope] = shares.row(0, named=True)
    return found


def _differs(name: str) -> pl.Expr:
    served, again = (pl.col(column).fill_nan(None) for column in (name, name + AGAIN))
    near = TOLERANCE * pl.max_horizontal(served.abs(), again.abs())
    finite = served.is_finite() & again.is_finite()
    apart = (served != again) & (~finite | ((served - again).abs() > near))
    return apart.fill_null(value=False) | (served.is_null() != again.is_null())
