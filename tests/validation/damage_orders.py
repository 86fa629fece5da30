"""Damage to orders: prices, quantities, and lines that come twice."""

from __future__ import annotations

import polars as pl
from damage import ERROR, WARNING, Damage
from damage_files import of_any_table, some_null
from damage_impressions import put
from damaged_lake import DAY, DamagedLake, Edit

from evergreen.domain.quality import Severity

PRICE, QUANTITY = pl.col("unit_price"), pl.col("quantity")
TENTH = pl.int_range(pl.len()) % 10 == 0


def of_orders() -> list[Damage]:
    """Return the damage to orders."""
    return [
        *of_any_table("orders"),
        lines("price as text", "contract", lambda f: f.with_columns(PRICE.cast(pl.String))),
        lines("order lost in some lines", "null_ids", some_null("order_id")),
        lines("negative price", "negative_prices", put("unit_price", -PRICE, TENTH)),
        lines("price NaN", "missing_prices", put("unit_price", pl.lit(float("nan")), TENTH)),
        lines("prices 100 times larger", "price_ratio", put("unit_price", PRICE * 100)),
        lines("quantity 0", "quantities_below_1", put("quantity", pl.lit(0), TENTH)),
        lines(
            "quantity of 10 million",
            "quantity_max",
            put("quantity", pl.lit(10_000_000), TENTH),
            WARNING,
        ),
        lines("order lines twice", "duplicate_rows", lambda frame: pl.concat([frame, frame])),
        Damage(
            name="yesterday's orders with today's times",
            table="orders",
            plant=repeat_yesterday,
            caught_by=("orders", "repeated_lines"),
        ),
        Damage(
            name="nine order lines of ten lost all day",
            table="orders",
            plant=lambda lake: lake.edit("orders", lambda f: f.filter(TENTH), lake.whole_day()),
            caught_by=("orders", "row_ratio"),
            severity=WARNING,
            scope="day",
            day="usual",
        ),
        lines(
            "unknown items sold",
            "new_items",
            put("item_id", pl.format("new-{}", "item_id")),
            WARNING,
        ),
        lines(
            "country renamed",
            "new_countries",
            put("country", pl.format("{} (new)", "country")),
            WARNING,
        ),
    ]


def lines(name: str, fact: str, edit: Edit, severity: Severity = ERROR) -> Damage:
    """Return damage to the order lines of one busy hour."""
    return Damage(
        name=name,
        table="orders",
        plant=lambda lake: lake.edit("orders", edit),
        caught_by=("orders", fact),
        severity=severity,
    )


def repeat_yesterday(lake: DamagedLake) -> None:
    """Put yesterday's order lines of the same hour in the hour's place, as if sold today."""
    before = lake.rows("orders", lake.yesterday).with_columns(pl.col("order_time") + DAY)
    lake.edit("orders", lambda frame: before.select(frame.columns))
