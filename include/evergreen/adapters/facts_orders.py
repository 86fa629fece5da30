"""Facts of a window's orders, hour by hour and of the whole window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from evergreen.adapters.facts_hours import (
    Hour,
    closings_of,
    facts_of,
    hours_of,
    record,
    share,
    with_day,
)
from evergreen.adapters.facts_order_rows import LINE, ORDER_FACTS, SCOPE, key_of, read_orders
from evergreen.adapters.facts_repeats import repeated_later
from evergreen.adapters.facts_rows import id_of
from evergreen.adapters.lake import HourClosing, Lake
from evergreen.adapters.lake_tables import ORDERS
from evergreen.domain.errors import EvergreenError
from evergreen.domain.windows import Window, hour_key

HISTORY = timedelta(days=28)
"""How far before a window its prices, items and countries are compared with."""
HISTORY_ROWS = 2_000_000
"""Order lines of that history, at most: the newest hours. Bounds memory at 50 bytes a line."""
BEFORE = timedelta(hours=24)
"""How far before a window order lines may not be repeated from."""
MIN_PRICES = 30
"""Lines with a usual price, at least, for prices to be compared."""
COUNTS: dict[str, pl.DataType] = {
    **dict.fromkeys(ORDER_FACTS, pl.Int64()),
    "repeated_lines": pl.Int64(),
    "quantity_max": pl.Int64(),
    "compared_prices": pl.Int64(),
    "price_ratio": pl.Float64(),
    "new_items": pl.Int64(),
    "country_rows": pl.Int64(),
    "new_countries": pl.Int64(),
}
_ITEM, _COUNTRY = (
    id_of(name, {**ORDERS.required, **ORDERS.optional}) for name in ("item_id", "country")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHistory:
    """What was sold before: `item` (hash) and its `usual` price, and the hashes of countries."""

    prices: pl.DataFrame
    countries: pl.Series


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersFound:
    """The facts, and the hashes of the items that were sold in the window or before it."""

    facts: pl.DataFrame
    items: pl.Series


def history_before(lake: Lake, window: Window) -> OrderHistory:
    """Return what was sold in the 28 days before a window; hours that cannot be read are left out.

    Raises:
        LakeUnreachable: the lake cannot be read now.
    """
    said = closings_of(lake, ORDERS.name, Window(window.start - HISTORY, window.start)).values()
    newest: list[HourClosing] = []
    rows = 0
    for closing in reversed([c for c in said if isinstance(c, HourClosing)]):
        rows += closing.rows
        if rows > HISTORY_ROWS and newest:
            break
        newest.append(closing)
    schema = {"item": pl.UInt64(), "price": pl.Float64(), "country": pl.UInt64()}
    wanted = (_ITEM.alias("item"), pl.col("unit_price").alias("price"), _COUNTRY.alias("country"))
    sold = pl.concat(
        [pl.DataFrame(schema=schema), *(r.select(wanted) for r, _ in read_orders(lake, newest))]
    )
    good = pl.col("price").filter(pl.col("price").is_finite() & (pl.col("price") > 0))
    prices = sold.drop_nulls("item").group_by("item").agg(good.median().alias("usual"))
    return OrderHistory(prices=prices, countries=sold["country"].drop_nulls().unique())


def facts_of_orders(lake: Lake, window: Window, history: OrderHistory) -> OrdersFound:
    """Return the facts of every hour, missing ones too, and of the whole window.

    Raises:
        LakeUnreachable: the lake cannot be read now.
    """
    hours = hours_of(lake, ORDERS.name, window)
    before = closings_of(lake, ORDERS.name, Window(window.start - BEFORE, window.start)).values()
    tally = _Tally(history)
    tally.add(lake, [c for c in before if isinstance(c, HourClosing)], only_keys=True)
    tally.add(lake, [hour.closing for hour in hours if hour.closing])
    repeated = tally.repeated()
    records = [tally.record(hour, repeated.get(hour_key(hour.hour), 0)) for hour in hours]
    ratios = np.concatenate([np.zeros(0), *tally.ratios])
    counted = with_day(
        records,
        COUNTS,
        {
            "quantity_max": pl.col("quantity_max").max(),
            "price_ratio": pl.lit(float(np.median(ratios)) if ratios.size else None, pl.Float64),
        },
    )
    known = history.prices["item"]
    formulas = _formulas(bool(known.len()), bool(history.countries.len()))
    items = pl.concat([known, *tally.items]).unique()
    return OrdersFound(facts=facts_of(counted, formulas), items=items)


class _Tally:
    """The counts of hours, while their files are read."""

    def __init__(self, history: OrderHistory) -> None:
        self._history = history
        self._counts: dict[str, dict[str, Any]] = {}
        self._damaged: dict[str, tuple[int, EvergreenError]] = {}
        self._keys: dict[str, np.ndarray] = {}
        self.ratios: list[np.ndarray] = []
        self.items: list[pl.Series] = []

    def add(self, lake: Lake, closings: Sequence[HourClosing], *, only_keys: bool = False) -> None:
        """Add what these hours hold; of those before the window only what may be repeated."""
        for rows, damaged in read_orders(lake, closings):
            keys = rows.select(SCOPE, key=key_of(LINE)).partition_by(SCOPE, as_dict=True)
            for (scope,), own in keys.items():
                self._keys[str(scope)] = own["key"].to_numpy()
            if not only_keys:
                self._damaged |= damaged
                self._count(rows)

    def repeated(self) -> dict[str, int]:
        """Return of each hour how many lines an earlier hour has too."""
        scopes = sorted(self._keys)
        counts = repeated_later([self._keys[scope] for scope in scopes])
        return dict(zip(scopes, counts.tolist(), strict=True))

    def record(self, hour: Hour, repeated: int) -> dict[str, Any]:
        """Return an hour's row of counts."""
        scope = hour_key(hour.hour)
        if hour.damage or scope in self._damaged:
            rows, problem = self._damaged.get(scope, (0, hour.damage))
            return record(hour, rows, [problem] if problem else [])
        counts = self._counts.get(scope)
        if counts is None:
            return record(hour, 0)
        return {**record(hour, counts["rows"]), **counts, "repeated_lines": repeated}

    def _count(self, rows: pl.DataFrame) -> None:
        usual = self._history.prices
        lines = rows.with_columns(item=_ITEM, of=_COUNTRY).join(usual, on="item", how="left")
        price = pl.col("unit_price")
        comparable = pl.col("usual").is_not_null() & price.is_finite()
        lines = lines.with_columns(ratio=pl.when(comparable).then(price / pl.col("usual")))
        known = pl.col("item").is_in(usual["item"].implode())
        abroad = ~pl.col("of").is_in(self._history.countries.implode())
        found = lines.with_columns(**ORDER_FACTS).group_by(SCOPE)
        counts = found.agg(
            pl.len().alias("rows"),
            pl.col(list(ORDER_FACTS)).sum(),
            quantity_max=pl.col("quantity").max(),
            compared_prices=pl.col("ratio").count(),
            price_ratio=pl.col("ratio").median(),
            new_items=(~known).sum(),
            country_rows=pl.col("of").count(),
            new_countries=abroad.sum(),
        )
        for said in counts.iter_rows(named=True):
            self._counts[said.pop(SCOPE)] = said
        self.ratios.append(lines["ratio"].drop_nulls().to_numpy())
        self.items.append(lines["item"].drop_nulls().unique())


def _formulas(items_known: bool, countries_known: bool) -> dict[str, pl.Expr]:
    """Return how the facts are made of the counts, in the order of their columns."""
    nothing = pl.lit(None, pl.Float64)
    enough = pl.col("compared_prices") >= MIN_PRICES
    return {
        "outside_hour": pl.col("outside_hour"),
        "null_ids": pl.col("null_ids"),
        "duplicate_rows": share("duplicate_rows", "rows"),
        "repeated_lines": share("repeated_lines", "rows"),
        "negative_prices": pl.col("negative_prices"),
        "missing_prices": pl.col("missing_prices"),
        "quantities_below_1": pl.col("quantities_below_1"),
        "quantity_max": pl.col("quantity_max"),
        "price_ratio": pl.when(enough).then("price_ratio"),
        "new_items": share("new_items", "rows") if items_known else nothing,
        "new_countries": share("new_countries", "country_rows") if countries_known else nothing,
    }
