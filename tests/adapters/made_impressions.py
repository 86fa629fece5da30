"""Impressions and orders of one hour, as frames to land in a lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from evergreen.adapters.lake_tables import IMPRESSIONS, ORDERS

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)


def impressions(hour: datetime = HOUR, rows: int = 2, **columns: Any) -> pl.DataFrame:
    """Return impressions a second apart; a column given is a constant or one value a row."""
    body: dict[str, Any] = {
        "event_time": [hour + timedelta(seconds=i) for i in range(rows)],
        "page_view_id": [f"p{i // 5}" for i in range(rows)],
        "item_id": [f"i{i}" for i in range(rows)],
        "position": [i % 5 + 1 for i in range(rows)],
        "score": 0.5,
        "model_version": "1",
        "clicked": False,
        "source": "model",
        **columns,
    }
    return _frame(body, rows, {**IMPRESSIONS.required, **IMPRESSIONS.optional})


def orders(hour: datetime = HOUR, rows: int = 2, **columns: Any) -> pl.DataFrame:
    """Return order lines of one order a line."""
    body: dict[str, Any] = {
        "order_time": [hour + timedelta(seconds=i) for i in range(rows)],
        "order_id": [f"o{i}" for i in range(rows)],
        "item_id": [f"i{i}" for i in range(rows)],
        "quantity": 1,
        "unit_price": 2.5,
        **columns,
    }
    return _frame(body, rows, {**ORDERS.required, **ORDERS.optional})


def _frame(body: dict[str, Any], rows: int, types: dict[str, Any]) -> pl.DataFrame:
    full = {n: v if isinstance(v, list) else [v] * rows for n, v in body.items()}
    return pl.DataFrame(full, schema_overrides={n: t for n, t in types.items() if n in full})
