"""From a sales log's lines to orders of products, with a count of what was left out and why."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

MAX_QUANTITY = 10_000
"""More pieces on one line are a slip of the keyboard: UCI's log holds 74,215 and 80,995, cancelled
within minutes; its largest real lines hold about 5,000."""

NOT_A_PRODUCT = (
    r"^(POST|DOT|M|D|S|B|C2|PADS|CRUK|BANK CHARGES|AMAZONFEE|"
    r"ADJUST\d*|TEST\d*|GIFT_\d+_\d+|DCGS.*)$"
)
"""Upper-cased stock codes of postage, discounts, fees, samples, vouchers and corrections."""

RULES = {
    "missing value": "no invoice, stock code, quantity, date or price",
    "cancellation": "invoice number starts with C",
    "bad debt": "invoice number starts with A",
    "not a product": "postage, fees, discounts, samples, vouchers, corrections",
    "exact duplicate": "every column as on an earlier line",
    "quantity": f"not between 1 and {MAX_QUANTITY:,}",
    "price": "not above 0",
    "same item again": "added to the order's first line of that item",
}
"""Why a line is left out. A line counts for the first rule it breaks."""

COUNTRY_UNKNOWN = "Unspecified"
"""UCI's own word for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanLog:
    """Orders of products, and what was left out.

    Parameters:
        orders: the lake's `orders` columns, by time, order and `line`.
        lines_read: lines of the sales log.
        dropped: lines left out by each of `RULES`, in their order.
    """

    orders: pl.DataFrame
    lines_read: int
    dropped: dict[str, int]


def clean(log: pl.DataFrame) -> CleanLog:
    """Return the orders of a sales log.

    An item that an order names twice, with another price or quantity, becomes one line where it
    stood first: quantities are added, the price is the average per piece. So (order, item) is
    unique, and counting orders that hold an item needs no second thought. An exactly equal line is
    a double entry instead, and is not added. Customers may be missing. All lines of an order carry
    the time of its first one: some invoices span two minutes, and an order lies in one hour.

    Parameters:
        log: as `read_sales_log` returns it.
    """
    lines = log.with_columns(
        pl.col("InvoiceNo", "StockCode").str.strip_chars().str.to_uppercase(),
    ).with_columns(_rule_broken(log.columns).alias("rule"))
    kept = lines.filter(pl.col("rule").is_null())
    orders = _orders(kept)
    counts = dict(lines.drop_nulls("rule").group_by("rule").len().iter_rows())
    counts["same item again"] = kept.height - orders.height
    return CleanLog(
        orders=orders,
        lines_read=log.height,
        dropped={rule: int(counts.get(rule, 0)) for rule in RULES},
    )


def _rule_broken(columns: list[str]) -> pl.Expr:
    invoice, quantity = pl.col("InvoiceNo"), pl.col("Quantity")
    price = pl.col("UnitPrice")
    essentials = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice")
    broken = {
        "missing value": pl.any_horizontal(pl.col(*essentials).is_null()) | price.is_nan(),
        "cancellation": invoice.str.starts_with("C"),
        "bad debt": invoice.str.starts_with("A"),
        "not a product": pl.col("StockCode").str.contains(NOT_A_PRODUCT),
        "exact duplicate": ~pl.struct(columns).is_first_distinct(),
        "quantity": ~quantity.is_between(1, MAX_QUANTITY),
        "price": ~(price > 0) | price.is_infinite(),
    }
    return pl.coalesce(pl.when(test).then(pl.lit(rule)) for rule, test in broken.items())


def _orders(kept: pl.DataFrame) -> pl.DataFrame:
    quantity, price = pl.col("Quantity"), pl.col("UnitPrice")
    average = (quantity * price).sum() / quantity.sum()
    items = (
        kept.with_row_index("row")
        .with_columns(
            pl.col("InvoiceDate").min().over("InvoiceNo").alias("order_time"),
            pl.col("row").min().over("InvoiceNo").alias("order_row"),
        )
        .group_by("InvoiceNo", "StockCode", maintain_order=True)
        .agg(
            pl.first("order_time", "order_row", "row", "CustomerID", "Country"),
            quantity.sum(),
            pl.when(price.n_unique() == 1).then(price.first()).otherwise(average),
        )
        .sort("order_time", "order_row", "row")
    )
    return items.select(
        "order_time",
        order_id="InvoiceNo",
        user_id="CustomerID",
        item_id="StockCode",
        quantity=quantity.cast(pl.Int32),
        unit_price=price,
        country=pl.col("Country").fill_null(COUNTRY_UNKNOWN),
        line=pl.int_range(pl.len(), dtype=pl.Int32).over("InvoiceNo"),
    )
