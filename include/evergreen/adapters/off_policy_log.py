"""Off-policy evaluation over a lake of impressions that log their propensity."""

from __future__ import annotations

import numpy as np
import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.adapters.policies import PLACE
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import PropensitiesMissing, WindowEmpty
from evergreen.domain.off_policy import OffPolicy, cross_fitted_rates, evaluate_policy
from evergreen.domain.windows import Window

TABLE = "impressions"
READ = ("page_view_id", "item_id", "position", "clicked", "propensity")
OPTIONAL = ("user_id", "context_item_id")
MAX_IMPRESSIONS = 5_000_000
"""Of more impressions a sample of whole page views is taken: 100 bytes each are held."""
SAMPLE_SEED = 7
_PARTS = 2**32  # of the hash that page views are sampled by


def logs_propensity(lake: Lake, window: Window) -> bool:
    """Return whether the window's newest hour with impressions has a column `propensity`."""
    closings = [c for c in lake.closings(TABLE, window).values() if c.files]
    return bool(closings) and "propensity" in lake.columns(TABLE, closings[-1].files[0].path)


def evaluate_over(
    spec: ModelSpec,
    window: Window,
    policy: pl.DataFrame | None,
    *,
    lake: Lake,
    against: pl.DataFrame | None = None,
    clip: float | None = None,
    min_effective_sample: float = 500.0,
    max_impressions: int = MAX_IMPRESSIONS,
) -> OffPolicy:
    """Estimate a policy's CTR from a window's mature impressions, hour by hour.

    Impressions of one user are one cluster where the user is known, else those of a page view. The
    model of the doubly robust estimate is the click rate of item and position.

    Parameters:
        policy: see `policies`; None: the log's own, whose value is the log's CTR.
        against: the policy to compare with; None: the log's own.

    Raises:
        PropensitiesMissing: the impressions have no propensity, or not all of them.
        WindowEmpty: there is no impression with a label.
    """
    closings = [closing for closing in lake.closings(TABLE, window).values() if closing.files]
    share = min(1.0, max_impressions / max(sum(closing.rows for closing in closings), 1))
    hours = []
    for closing in closings:
        paths = [file.path for file in closing.files]
        hour = _labelled(spec, lake, paths, share)
        for name, of in (("target", policy), ("against", against)):
            hour = hour.with_columns(_probability(hour, of).alias(name))
        hours.append(hour)
    if not sum(hour.height for hour in hours):
        raise WindowEmpty(f"{spec.model} has no labelled impression in {window}; land hours first")
    rows = pl.concat(hours, how="diagonal")
    q_logged, q_target = _click_model(rows, policy) if policy is not None else (None, None)
    clicked, logged, target = (
        rows[name].cast(pl.Float64).to_numpy() for name in ("clicked", "propensity", "target")
    )
    return evaluate_policy(
        clicked,
        logged,
        target,
        rows["cluster"].to_numpy(),
        against=None if against is None else rows["against"].to_numpy(),
        clip=clip,
        min_effective_sample=min_effective_sample,
        q_logged=q_logged,
        q_target=q_target,
    )


def _labelled(spec: ModelSpec, lake: Lake, paths: list[str], share: float) -> pl.DataFrame:
    """Return an hour's labelled impressions, of the sampled page views."""
    there = frozenset.intersection(*(lake.columns(TABLE, path) for path in paths))
    if "propensity" not in there:
        raise PropensitiesMissing(_refusal(spec))
    known = [name for name in OPTIONAL if name in there]
    rows = lake.read_files(TABLE, paths, [*READ, *known]).filter(pl.col("clicked").is_not_null())
    if share < 1:
        part = pl.col("page_view_id").hash(SAMPLE_SEED) % _PARTS
        rows = rows.filter(part < int(share * _PARTS))
    bad = rows["propensity"].is_null() | ~rows["propensity"].is_between(0, 1, closed="right")
    if bad.any():
        raise PropensitiesMissing(
            f"{_refusal(spec)} ({int(bad.sum()):,} of {rows.height:,} impressions of an hour have "
            "none)"
        )
    who = pl.format("page {}", "page_view_id")
    if "user_id" in known:
        who = pl.coalesce(pl.format("user {}", "user_id"), who)
    rows = rows.with_columns(cluster=who.hash(SAMPLE_SEED))
    return rows.drop("page_view_id", "user_id", strict=False)


def _probability(rows: pl.DataFrame, policy: pl.DataFrame | None) -> pl.Series:
    """Return how likely the policy is to show each row's item there; the log's own for None."""
    if policy is None:
        return rows["propensity"].cast(pl.Float64)
    return _look_up(rows, policy, ["item_id"])["probability"].fill_null(0.0)


def _look_up(rows: pl.DataFrame, policy: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the policy's columns for each row; contexts that it does not name are null to it."""
    places = [name for name in PLACE if name in policy.columns]
    asked = rows
    if "context_item_id" in places:
        named = policy["context_item_id"].drop_nulls().unique().implode()
        context = (
            pl.when(pl.col("context_item_id").is_in(named)).then("context_item_id")
            if "context_item_id" in rows.columns
            else pl.lit(None, dtype=pl.String)
        )
        asked = rows.with_columns(context_item_id=context)
    on = [*keys, *places]
    return asked.select(on).join(policy, on=on, how="left", nulls_equal=True, maintain_order="left")


def _click_model(rows: pl.DataFrame, policy: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the click rate of each logged item, and of the policy's items there, [N] both.

    Rates are cross-fitted over two halves of the clusters.
    """
    cells = rows.select("item_id", "position").unique(maintain_order=True)
    cells = cells.with_row_index("cell")
    cell = rows.select("item_id", "position").join(
        cells, on=["item_id", "position"], how="left", maintain_order="left"
    )["cell"]
    clicked = rows["clicked"].cast(pl.Float64).to_numpy()
    fold = (rows["cluster"] % 2).to_numpy()
    rates = cross_fitted_rates(clicked, cell.to_numpy(), fold, cells=cells.height)
    rated = cells.with_columns(pl.Series("0", rates[0]), pl.Series("1", rates[1]))
    never = [float(clicked[fold != own].mean()) if (fold != own).any() else 0.0 for own in (0, 1)]
    if "position" not in policy.columns:
        policy = policy.join(rows.select("position").unique(), how="cross")
    of = policy.join(rated.drop("cell"), on=["item_id", "position"], how="left")
    place = [name for name in PLACE if name in of.columns]
    expected = of.group_by(place).agg(
        (pl.col("probability") * pl.col(f"{own}").fill_null(never[own])).sum().alias(f"{own}")
        for own in (0, 1)
    )
    meant = _look_up(rows, expected, [])
    halves = np.stack([meant[f"{own}"].fill_null(0.0).to_numpy() for own in (0, 1)])
    at = np.arange(rows.height)
    return rates[fold, cell.to_numpy()], halves[fold, at]


def _refusal(spec: ModelSpec) -> str:
    return (
        f"{spec.model} logs no propensity: how likely each item was to be shown. Lists that are "
        "always the same have none, and nothing can be said of another policy from them. Expected "
        "a column propensity, above 0 and at most 1, in impressions; let the shop choose at random "
        "among items, and log with which probability"
    )
