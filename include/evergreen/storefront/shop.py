"""A shop of our own, for when no sales log is at hand: seeded, in UCI Online Retail's columns.

Baskets draw from themes: items of one theme are bought together. Themes have seasons, new items
arrive and old ones sell out all the time, and on `CHANGE_DAY` the shop turns to its new collection
within days: themes and items that nobody has seen before take most of the demand. A recommender
trained before that day knows little of what is looked at after it.

The log is as dirty as a real one (cancellations, postage, double entries, missing customers,
corrections), so it goes through `clean` like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evergreen.storefront.sales_log import COLUMNS

Array = NDArray[Any]
START = datetime(2025, 1, 6, tzinfo=UTC)
"""A Monday."""
DAYS = 182
"""26 whole weeks."""
CHANGE_DAY = 112
"""The new collection: Monday of week 17, 2025-04-28."""
CHANGE_DAYS = 1.5
"""How fast demand turns over: a logistic's scale, so 80 % of the turn takes about five days."""
NEW_COLLECTION_SHARE = 0.60
"""Share of demand that the new collection ends up with."""
ORDERS_A_DAY = 55
THEMES = 48
NEW_THEMES = 24
ITEMS_A_THEME = 40
CUSTOMERS = 4_000
LAUNCHED_SHARE = 0.70
"""Share of items on sale from the first day; the others arrive evenly over the half year."""
SOLD_OUT_SHARE = 0.25
"""Share of items that sell out on an even day of the half year."""
ZIPF = 0.8
"""Exponent of popularity by rank, among items of a theme and among themes."""
SEASON_HEIGHT = 3.0
"""A theme in season is wanted up to 1 + this times as much."""
SEASON_DAYS = 25.0
"""Standard deviation of a season around its day of the year."""
THEME_STICKS = 0.85
"""Share of a basket's lines from its own two themes; the others from any."""
MEAN_LOG_LINES, SD_LOG_LINES = 2.35, 0.75
"""Basket sizes are lognormal: median 10 lines, mean about 14."""
HOURS = np.arange(7, 20)
HOUR_WEIGHTS = np.array([1, 2, 5, 8, 10, 14, 13, 12, 11, 8, 4, 2, 1], dtype=float)
CLOSED_DAYS = (102, 105, 119)
"""Good Friday, Easter Monday, the May holiday; Saturdays are closed too."""
COLOURS = ("RED", "BLUE", "GREEN", "IVORY", "PINK", "VINTAGE", "RETRO", "SILVER")
MOTIFS = (
    "HEART",
    "STAR",
    "ROSE",
    "OWL",
    "FAIRY",
    "UNION",
    "STRAWBERRY",
    "SPACEBOY",
    "POPPY",
    "BIRD",
)
THINGS = (
    "MUG",
    "LUNCH BAG",
    "CUSHION",
    "CANDLE",
    "TIN",
    "CARD",
    "BUNTING",
    "CLOCK",
    "BOWL",
    "NAPKIN",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Items by theme and rank: on sale on days `[launch, sold_out)`, each [themes, items]."""

    launch: Array
    sold_out: Array
    price: Array


def built_in_log(seed: int = 7) -> pl.DataFrame:
    """Return the half year's sales log, about 90,000 lines, in the columns of `COLUMNS`.

    The same seed gives the same log.
    """
    rng = np.random.default_rng(seed)
    items = _catalogue(rng)
    day = _order_days(rng)
    basket, theme, item = _lines(rng, items, day)
    return _dirtied(rng, _named(rng, items, day, basket, theme, item))


def _catalogue(rng: np.random.Generator) -> Catalogue:
    shape = (THEMES + NEW_THEMES, ITEMS_A_THEME)
    arrives = rng.random(shape) > LAUNCHED_SHARE
    launch = np.where(arrives, rng.integers(0, DAYS, shape), 0)
    leaves = rng.random(shape) < SOLD_OUT_SHARE
    sold_out = np.where(leaves, rng.integers(0, DAYS, shape), DAYS)
    launch[THEMES:] = CHANGE_DAY + np.where(arrives, rng.integers(0, DAYS, shape), 0)[THEMES:]
    sold_out[THEMES:] = DAYS
    price = np.round(np.exp(rng.normal(0.9, 0.7, shape)), 2) + 0.19
    return Catalogue(launch=launch, sold_out=np.maximum(sold_out, launch + 14), price=price)


def _order_days(rng: np.random.Generator) -> Array:
    """Return the day of each order, rising."""
    weekday = np.arange(DAYS) % 7
    rate = ORDERS_A_DAY * np.array([1.0, 1.1, 1.1, 1.2, 1.0, 0.0, 0.6])[weekday]
    rate[list(CLOSED_DAYS)] = 0
    return np.repeat(np.arange(DAYS), rng.poisson(rate))


def _demand(rng: np.random.Generator) -> Array:
    """Return each theme's share of demand on each day, [days, themes]."""
    day = np.arange(DAYS)[:, None]
    weight = np.r_[_zipf(rng.permutation(THEMES)), _zipf(rng.permutation(NEW_THEMES))]
    peak = rng.uniform(0, 365, weight.size)
    away = np.abs((day - peak + 182.5) % 365 - 182.5)
    wanted = weight * (1 + SEASON_HEIGHT * np.exp(-0.5 * (away / SEASON_DAYS) ** 2))
    turned = 1 / (1 + np.exp(-(day - CHANGE_DAY - 2) / CHANGE_DAYS))
    turned = np.where(day < CHANGE_DAY, 0, NEW_COLLECTION_SHARE * turned)
    old = wanted[:, :THEMES] / wanted[:, :THEMES].sum(axis=1, keepdims=True)
    new = wanted[:, THEMES:] / wanted[:, THEMES:].sum(axis=1, keepdims=True)
    return np.hstack([old * (1 - turned), new * turned])


def _lines(rng: np.random.Generator, items: Catalogue, day: Array) -> tuple[Array, Array, Array]:
    """Return basket, theme and item of each line; what is not on sale is drawn again, then left."""
    cumulative = np.cumsum(_demand(rng), axis=1)

    def draw_themes(days: Array) -> Array:
        drawn = (cumulative[days] < rng.random(days.size)[:, None]).sum(axis=1)
        return np.asarray(np.minimum(drawn, cumulative.shape[1] - 1))

    own = np.stack([draw_themes(day), draw_themes(day)])
    size = np.clip(np.exp(rng.normal(MEAN_LOG_LINES, SD_LOG_LINES, day.size)), 1, 300).astype(int)
    basket = np.repeat(np.arange(day.size), size)
    sticks = rng.random(basket.size) < THEME_STICKS
    theme = np.where(sticks, own[rng.integers(0, 2, basket.size), basket], draw_themes(day[basket]))
    popularity = _zipf(np.arange(ITEMS_A_THEME))
    item = np.full(basket.size, -1)
    for _ in range(6):
        missing = np.flatnonzero(item < 0)
        drawn = rng.choice(ITEMS_A_THEME, missing.size, p=popularity / popularity.sum())
        at = (theme[missing], drawn)
        on_sale = (items.launch[at] <= day[basket[missing]]) & (
            day[basket[missing]] < items.sold_out[at]
        )
        item[missing] = np.where(on_sale, drawn, -1)
    key = (basket * (THEMES + NEW_THEMES) + theme) * ITEMS_A_THEME + item
    first = np.sort(np.unique(key, return_index=True)[1])
    first = first[item[first] >= 0]
    return basket[first], theme[first], item[first]


def _named(
    rng: np.random.Generator, items: Catalogue, day: Array, basket: Array, theme: Array, item: Array
) -> pl.DataFrame:
    """Return the clean lines as a sales log."""
    hour = rng.choice(HOURS, day.size, p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum())
    minute = np.sort(day * 1440 + hour * 60 + rng.integers(0, 60, day.size))
    activity = _zipf(np.arange(CUSTOMERS))
    customer = 12_346 + rng.choice(CUSTOMERS, day.size, p=activity / activity.sum())
    anonymous = rng.random(day.size) < 0.15
    country = rng.choice(
        ["United Kingdom", "Germany", "France", "EIRE"], day.size, p=[0.9, 0.04, 0.04, 0.02]
    )
    code = 20_000 + theme * 100 + item
    names = [
        f"{COLOURS[t % 8]} {MOTIFS[t // 8]} {THINGS[i % 10]}{' SET' if i // 10 == 1 else ''}"
        f"{' SMALL' if i // 10 == 2 else ''}{' LARGE' if i // 10 == 3 else ''}"
        for t in range(THEMES + NEW_THEMES)
        for i in range(ITEMS_A_THEME)
    ]
    return (
        pl.DataFrame(
            {
                "InvoiceNo": (600_001 + basket).astype(str),
                "StockCode": code.astype(str),
                "Description": np.array(names)[theme * ITEMS_A_THEME + item],
                "Quantity": rng.choice([1, 2, 3, 4, 6, 8, 12, 24], basket.size),
                "InvoiceDate": minute[basket] * 60_000_000 + int(START.timestamp()) * 1_000_000,
                "UnitPrice": items.price[theme, item],
                "CustomerID": customer[basket].astype(str),
                "Country": country[basket],
            }
        )
        .with_columns(
            pl.when(pl.Series(anonymous[basket]))
            .then(None)
            .otherwise(pl.col("CustomerID"))
            .alias("CustomerID"),
            pl.col("InvoiceDate").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        )
        .cast(pl.Schema(COLUMNS))
    )


def _dirtied(rng: np.random.Generator, log: pl.DataFrame) -> pl.DataFrame:
    """Return the log with what every real one holds besides its sales."""

    def some(share: float) -> pl.DataFrame:
        return log.filter(pl.Series(rng.random(log.height) < share))

    cancelled = some(0.015).with_columns(
        pl.concat_str(pl.lit("C"), "InvoiceNo").alias("InvoiceNo"),
        -pl.col("Quantity"),
        pl.col("InvoiceDate") + timedelta(hours=2),
    )
    postage = some(0.004).with_columns(
        pl.lit("POST").alias("StockCode"), pl.lit("POSTAGE").alias("Description")
    )
    corrected = some(0.002).with_columns(
        -pl.col("Quantity"), pl.lit(0.0).alias("UnitPrice"), pl.lit(None).alias("Description")
    )
    slip = log[[log.height // 2]].with_columns(pl.lit(74_215).cast(pl.Int64).alias("Quantity"))
    parts = [log, some(0.006), cancelled, postage, corrected, slip]
    return pl.concat(parts).sort("InvoiceDate", "InvoiceNo", maintain_order=True)


def _zipf(rank: Array) -> Array:
    return 1.0 / (1.0 + rank) ** ZIPF
