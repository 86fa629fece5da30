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
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

DAY = timedelta(hours=24)
WEEK_DAYS, MONTH_DAYS = 7, 28
WEIGHT_SCALE = 1_000
STRENGTH_BITS = 40  # of a sort key, above any sum of weights
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
    bought = CoPurchases(lines)
    for moment in moments:
        age = (newest - moment) // DAY
        wanted = contexts.get(moment) if contexts is not None else None
        yield moment, _candidates_at(lines, bought, moment, age, length, wanted)


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

    A basket is what one order holds of one such day, so that an order that goes on after a moment
    looks, at that moment, as it did then. Ids become enumerations, small integers inside, because
    joins of strings take thrice as long.
    """
    sold = orders.filter(pl.col("order_time") < newest)
    item_ids = pl.Enum(sold["item_id"].unique().sort())
    order_ids = pl.Enum(sold["order_id"].unique().sort())
    return (
        sold.lazy()
        .with_columns(pl.col("item_id").cast(item_ids), pl.col("order_id").cast(order_ids))
        .select(
            "order_id",
            "item_id",
            "unit_price",
            day=((newest - pl.col("order_time")).dt.total_microseconds() - 1)
            // (DAY // timedelta(microseconds=1)),
        )
        .unique(["order_id", "day", "item_id"], keep="first", maintain_order=True)
        .with_columns(size=pl.len().over("order_id", "day"))
        .with_columns(
            weight=(WEIGHT_SCALE / (pl.col("size") + 1.0).log()).round().cast(pl.Int64),
        )
        .collect()
    )


class CoPurchases:
    """Which items were bought in one basket, and how many days ago.

    A basket of n items weighs 1/ln(n + 1), so that a wholesale order of 500 items does not make
    everything go with everything. Arrays, because half a year holds ten million pairs and each
    moment sums over them: `bincount` takes a tenth of the time of a group-by.
    """

    def __init__(self, lines: pl.DataFrame) -> None:
        several = lines.lazy().filter(pl.col("size") > 1).sort("day", descending=True)
        code = pl.col("item_id").to_physical().cast(pl.Int64)
        pairs = (
            several.select("order_id", "day", "weight", item=code)
            .join(
                several.select("order_id", "day", context=code),
                on=["order_id", "day"],
                maintain_order="left",
            )
            .filter(pl.col("item") != pl.col("context"))
            .collect()
        )
        self._items = len(lines["item_id"].dtype.categories)
        keys = (pairs["context"] * self._items + pairs["item"]).to_numpy()
        self._keys, self._pair = np.unique(keys, return_inverse=True)
        self._days_ahead = -pairs["day"].to_numpy()  # rising: oldest first
        self._weight = pairs["weight"].cast(pl.Float64).to_numpy()

    def at(self, age: int) -> CoPurchaseSums:
        """Return the sums over the days before the moment that is `age` days before the newest."""
        end = np.searchsorted(self._days_ahead, -age, "right")
        first = {
            days: np.searchsorted(self._days_ahead, 1 - age - days)
            for days in (1, WEEK_DAYS, MONTH_DAYS)
        }
        size = self._keys.size
        weights = {
            days: np.bincount(self._pair[start:end], self._weight[start:end], size)
            for days, start in first.items()
        }
        count = np.bincount(self._pair[first[MONTH_DAYS] : end], minlength=size)
        return CoPurchaseSums(
            keys=self._keys, items=self._items, count=count.astype(np.int64), weights=weights
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoPurchaseSums:
    """Sums over trailing days of every pair; a pair's key is `context * items + item`, rising."""

    keys: np.ndarray
    items: int
    count: np.ndarray
    weights: Mapping[int, np.ndarray]

    def strongest(self, contexts: np.ndarray, length: int) -> np.ndarray:
        """Return the keys of each context's strongest pairs, strongest first; ties by item."""
        wanted = np.zeros(self.items, dtype=bool)
        wanted[contexts] = True
        alive = np.flatnonzero(self.count)
        alive = alive[wanted[self.keys[alive] // self.items]]
        context = self.keys[alive] // self.items
        strength = (self.weights[MONTH_DAYS] + self.weights[WEEK_DAYS])[alive].astype(np.int64)
        order = np.argsort((context << STRENGTH_BITS) - strength, kind="stable")
        context = context[order]
        return self.keys[alive[order[_place_in_run(context) < length]]]

    def frame(self, keys: np.ndarray) -> pl.DataFrame:
        """Return these pairs with their sums, in this order; 0 for pairs never bought together."""
        if not self.keys.size:
            at, known = np.zeros(keys.size, dtype=np.int64), np.zeros(keys.size, dtype=bool)
            none = np.zeros(1)
            count, weights = none, dict.fromkeys(self.weights, none)
        else:
            at = np.minimum(np.searchsorted(self.keys, keys), self.keys.size - 1)
            known, count, weights = self.keys[at] == keys, self.count, self.weights
        return pl.DataFrame(
            {
                "context": keys // self.items,
                "item": keys % self.items,
                "co_24h": np.where(known, weights[1][at], 0),
                "co_7d": np.where(known, weights[WEEK_DAYS][at], 0),
                "co_28d": np.where(known, weights[MONTH_DAYS][at], 0),
                "co_count_28d": np.where(known, count[at], 0),
            }
        )


def _candidates_at(
    lines: pl.DataFrame,
    bought: CoPurchases,
    moment: datetime,
    age: int,
    length: int,
    wanted: pl.Series | None,
) -> pl.DataFrame:
    sold = lines.filter(pl.col("day").is_between(age, age + MONTH_DAYS - 1))
    items = _item_features(sold, age)
    contexts = items["item_id"]
    if wanted is not None:
        contexts = contexts.filter(contexts.cast(pl.String).is_in(wanted.implode()))
    sums = bought.at(age)
    keys = _with_popular(sums, _codes(contexts), _codes(items["item_id"]), length)
    rows = sums.frame(keys)
    ids = lines["item_id"].dtype.categories
    rows = rows.with_columns(
        context_item_id=ids[rows["context"]].cast(lines["item_id"].dtype),
        item_id=ids[rows["item"]].cast(lines["item_id"].dtype),
    )
    return _finish(rows, items, baskets=sold["order_id"].n_unique(), moment=moment)


def _codes(ids: pl.Series) -> np.ndarray:
    return ids.to_physical().cast(pl.Int64).to_numpy()


def _with_popular(
    sums: CoPurchaseSums, contexts: np.ndarray, popular: np.ndarray, length: int
) -> np.ndarray:
    """Return the keys of every context's candidates, by context.

    Two in three are its strongest co-purchases; popular items follow, up to the length.
    """
    own = sums.strongest(contexts, length - length // POPULAR_IN)
    every = np.sort(contexts)
    top = popular[: length + 1]
    behind = (every[:, None] * sums.items + top[None, :]).ravel()
    behind = behind[behind // sums.items != behind % sums.items]
    behind = behind[~np.isin(behind, own)]
    keys = np.concatenate([own, behind])
    context = keys // sums.items
    order = np.argsort(context, kind="stable")
    keys, context = keys[order], context[order]
    return keys[_place_in_run(context) < length]


def _place_in_run(sorted_values: np.ndarray) -> np.ndarray:
    """Return each value's place among the values equal to it, from 0."""
    begins = np.flatnonzero(np.diff(sorted_values, prepend=-1))
    lengths = np.diff(begins, append=sorted_values.size)
    return np.arange(sorted_values.size) - np.repeat(begins, lengths)


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
