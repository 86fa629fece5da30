"""Candidates and features of `also_bought`: other users also bought.

A candidate for a context item is an item that was bought in one basket with it, or a popular one:
large baskets go through everything that is popular, whatever their context.
Its features are counts over the 24 hours, 7 days and 28 days before a moment, `as_of`; nothing at
or after that moment is read, so a training row never sees more than the shop knew when it served.

Weights are whole numbers: sums of integers do not depend on the order of threads, so that the same
window gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

DAY = timedelta(hours=24)
WEEK_DAYS, MONTH_DAYS = 7, 28
WEIGHT_SCALE = 1_000
POPULAR_IN = 3  # one candidate in so many is kept for popular items

FEATURES = (
    "co_24h",
    "co_7d",
    "co_28d",
    "co_count_28d",
    "co_confidence_28d",
    "co_lift_28d",
    "co_trend",
    "popularity_24h",
    "popularity_7d",
    "popularity_28d",
    "popularity_trend",
    "context_popularity_28d",
    "days_since_first_sale",
    "price",
    "price_ratio",
    "hour_of_week",
)


def candidates(
    orders: pl.DataFrame,
    moments: Sequence[datetime],
    *,
    length: int,
    contexts: Mapping[datetime, pl.Series] | None = None,
) -> Iterator[tuple[datetime, pl.DataFrame]]:
    """Yield for each moment the candidates of every context item with their features.

    Args:
        orders: Order lines (`orders` table), from 28 days before the first moment on.
        moments: When the candidates are asked for, whole days apart.
        length: Candidates for each context item, at most.
        contexts: The context items wanted at a moment; all known ones where it is absent.

    Yields:
        The moment, and a frame with `context_item_id`, `item_id` and `FEATURES` (float32), ordered
        by context item and by co-purchases, most first.
    """
    newest = max(moments)
    lines = _lines(orders, newest)
    pairs = _pairs_a_day(lines)
    for moment in moments:
        age = (newest - moment) // DAY
        wanted = contexts.get(moment) if contexts is not None else None
        yield moment, _candidates_at(lines, pairs, moment, age, length, wanted)


def popular(orders: pl.DataFrame, as_of: datetime, *, length: int) -> pl.DataFrame:
    """Return the items in most baskets of the 28 days before `as_of`.

    Returns:
        `item_id`, `rank` from 1 and `score`, the share of baskets that hold the item.
    """
    lines = _lines(orders, as_of).filter(pl.col("day").is_between(0, MONTH_DAYS - 1))
    baskets = max(lines["order_id"].n_unique(), 1)
    return (
        lines.group_by("item_id")
        .len("count")
        .sort(["count", "item_id"], descending=[True, False])
        .head(length)
        .select(
            pl.col("item_id").cast(pl.String),
            rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int16),
            score=(pl.col("count") / baskets).cast(pl.Float32),
        )
    )


def _lines(orders: pl.DataFrame, newest: datetime) -> pl.DataFrame:
    """One line a basket and item, with `day`: how many whole days before `newest` it was sold.

    Ids become enumerations, small integers inside, because joins of strings take thrice as long.
    """
    sold = orders.filter(pl.col("order_time") < newest)
    item_ids = pl.Enum(sold["item_id"].unique().sort())
    order_ids = pl.Enum(sold["order_id"].unique().sort())
    return (
        sold.lazy()
        .with_columns(pl.col("item_id").cast(item_ids), pl.col("order_id").cast(order_ids))
        .unique(["order_id", "item_id"], keep="first", maintain_order=True)
        .select(
            "order_id",
            "item_id",
            "unit_price",
            day=((newest - pl.col("order_time")).dt.total_microseconds() - 1)
            // (DAY // timedelta(microseconds=1)),
            size=pl.len().over("order_id"),
        )
        .with_columns(
            weight=(WEIGHT_SCALE / (pl.col("size") + 1.0).log()).round().cast(pl.Int64),
        )
        .collect()
    )


def _pairs_a_day(lines: pl.DataFrame) -> pl.DataFrame:
    """Co-purchases of every day: how many baskets held both, and their weight.

    A basket of n items weighs 1/ln(n + 1), so that a wholesale order of 500 items does not make
    everything go with everything.
    """
    several = lines.lazy().filter(pl.col("size") > 1)
    other = several.select("order_id", item_id="item_id", context_item_id="item_id")
    return (
        several.select("order_id", "item_id", "day", "weight")
        .join(other.select("order_id", "context_item_id"), on="order_id")
        .filter(pl.col("item_id") != pl.col("context_item_id"))
        .group_by("day", "context_item_id", "item_id")
        .agg(count=pl.len().cast(pl.Int64), weight=pl.col("weight").sum())
        .collect()
    )


def _candidates_at(
    lines: pl.DataFrame,
    pairs: pl.DataFrame,
    moment: datetime,
    age: int,
    length: int,
    wanted: pl.Series | None,
) -> pl.DataFrame:
    month = pl.col("day").is_between(age, age + MONTH_DAYS - 1)
    sold = lines.filter(month)
    items = _item_features(sold, age)
    contexts = items.select(context_item_id="item_id").sort("context_item_id")
    if wanted is not None:
        contexts = contexts.filter(
            pl.col("context_item_id").cast(pl.String).is_in(wanted.implode())
        )
    bought = (
        pairs.lazy()
        .filter(month)
        .join(contexts.lazy(), on="context_item_id", how="semi")
        .group_by("context_item_id", "item_id")
        .agg(
            co_24h=_since(age, 1, "weight"),
            co_7d=_since(age, WEEK_DAYS, "weight"),
            co_28d=pl.col("weight").sum(),
            co_count_28d=pl.col("count").sum(),
        )
        .with_columns(strength=pl.col("co_28d") + pl.col("co_7d"))
        .sort(["context_item_id", "strength", "item_id"], descending=[False, True, False])
        .collect()
    )
    rows = _with_popular(bought, contexts, items, length)
    return _finish(rows, items, baskets=sold["order_id"].n_unique(), moment=moment)


def _since(age: int, days: int, column: str) -> pl.Expr:
    return pl.col(column).filter(pl.col("day") < age + days).sum()


def _item_features(sold: pl.DataFrame, age: int) -> pl.DataFrame:
    return (
        sold.lazy()
        .group_by("item_id")
        .agg(
            popularity_24h=(pl.col("day") < age + 1).sum(),
            popularity_7d=(pl.col("day") < age + WEEK_DAYS).sum(),
            popularity_28d=pl.len(),
            days_since_first_sale=pl.col("day").max() - age,
            price=pl.col("unit_price").median(),
        )
        .sort(["popularity_28d", "item_id"], descending=[True, False])
        .collect()
    )


def _with_popular(
    bought: pl.DataFrame, contexts: pl.DataFrame, items: pl.DataFrame, length: int
) -> pl.DataFrame:
    """Return the strongest co-purchases, and popular items up to the length, for every context."""
    own = length - length // POPULAR_IN
    strongest = bought.group_by("context_item_id", maintain_order=True).head(own)
    top = items.head(length + 1).select("item_id", place=pl.int_range(pl.len()))
    popular = (
        contexts.join(top, how="cross")
        .filter(pl.col("item_id") != pl.col("context_item_id"))
        .join(strongest, on=["context_item_id", "item_id"], how="anti")
        .join(bought, on=["context_item_id", "item_id"], how="left")
        .sort("context_item_id", "place")
        .drop("place")
    )
    return (
        pl.concat([strongest, popular], how="vertical")
        .with_columns(pl.col("co_24h", "co_7d", "co_28d", "co_count_28d", "strength").fill_null(0))
        .sort("context_item_id", maintain_order=True)
        .group_by("context_item_id", maintain_order=True)
        .head(length)
    )


def _finish(
    rows: pl.DataFrame, items: pl.DataFrame, *, baskets: int, moment: datetime
) -> pl.DataFrame:
    context = items.select(
        context_item_id="item_id", context_popularity_28d="popularity_28d", context_price="price"
    )
    both = pl.col("co_count_28d")
    return (
        rows.lazy()
        .join(items.lazy(), on="item_id", how="left", maintain_order="left")
        .join(context.lazy(), on="context_item_id", how="left", maintain_order="left")
        .with_columns(
            co_24h=pl.col("co_24h") / WEIGHT_SCALE,
            co_7d=pl.col("co_7d") / WEIGHT_SCALE,
            co_28d=pl.col("co_28d") / WEIGHT_SCALE,
            co_trend=_trend("co_7d", "co_28d", WEIGHT_SCALE),
            co_confidence_28d=both / pl.col("context_popularity_28d"),
            co_lift_28d=both
            * baskets
            / (pl.col("context_popularity_28d") * pl.col("popularity_28d")),
            popularity_trend=_trend("popularity_7d", "popularity_28d", 1),
            price_ratio=pl.col("price") / pl.col("context_price"),
            hour_of_week=pl.lit(moment.weekday() * 24 + moment.hour),
        )
        .select(
            pl.col("context_item_id", "item_id").cast(pl.String),
            *(pl.col(feature).cast(pl.Float32) for feature in FEATURES),
        )
        .collect()
    )


def _trend(recent: str, month: str, unit: int) -> pl.Expr:
    """Rate of the last 7 days over the rate of the last 28, both smoothed by one count."""
    return ((pl.col(recent) + unit) / WEEK_DAYS) / ((pl.col(month) + unit) / MONTH_DAYS)
