"""Where a backtest's orders come from: a sales log, the built-in shop, or the model's lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.adapters.secret_free import secret_free
from evergreen.domain.errors import BacktestInvalid
from evergreen.domain.windows import Window
from evergreen.storefront import shop
from evergreen.storefront.cleaning import clean
from evergreen.storefront.log_store import BUILT_IN, SEED, imported_log, load_orders
from evergreen.storefront.sales_log import read_sales_log

if TYPE_CHECKING:
    from evergreen.config.model_spec import ModelSpec

COLUMNS = ("order_time", "order_id", "item_id", "quantity", "unit_price")
OPTIONAL = ("user_id", "country", "line")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Order lines and what they are.

    Parameters:
        name: for people: a file's name, `built-in shop`, or the lake's URL.
        change: when the shop changed, where that is known.
    """

    orders: pl.DataFrame
    name: str
    change: datetime | None


def source_of(
    spec: ModelSpec, *, data: Path | None, builtin: bool, home: Path, lake: Lake
) -> Source:
    """Return the orders: of a path, of the built-in shop, else of the lake, else of the import.

    Raises:
        BacktestInvalid: there are none.
        SalesLogInvalid: the path cannot be read as a sales log.
    """
    if builtin:
        change = shop.START + timedelta(days=shop.CHANGE_DAY)
        return Source(orders=clean(shop.built_in_log(SEED)).orders, name=BUILT_IN, change=change)
    if data is not None:
        return Source(orders=clean(read_sales_log(data)).orders, name=data.name, change=None)
    if imported_log(home) is not None:
        said = imported_log(home)
        name = Path(said.source).name if said else BUILT_IN
        change = shop.START + timedelta(days=shop.CHANGE_DAY) if name == BUILT_IN else None
        return Source(orders=load_orders(home), name=name, change=change)
    hours = lake.closed_hours("orders")
    if not hours:
        raise BacktestInvalid(
            f"{spec.model} has no orders to replay: {lake.url} has no closed hour of orders, and "
            f"no sales log was imported. Name one with --data, or use --builtin"
        )
    window = Window(hours[0], hours[-1] + timedelta(hours=1))
    return Source(orders=_of_lake(lake, window), name=secret_free(lake.url), change=None)


def _of_lake(lake: Lake, window: Window) -> pl.DataFrame:
    """Return a lake's orders, with the optional columns that it has."""
    closings = lake.closings("orders", window)
    files = [entry.path for closing in closings.values() for entry in closing.files]
    orders = lake.read_files("orders", files)
    return orders.select(name for name in (*COLUMNS, *OPTIONAL) if name in orders.columns)
