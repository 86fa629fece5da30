"""Days of a small shop that nothing is wrong with, hour by hour, and judges that need no GX."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import IMPRESSIONS, ORDERS
from evergreen.domain.quality import DAY_SCOPE, Finding, Severity
from evergreen.domain.windows import HOUR

DAY = timedelta(days=1)
LIST, VIEWS, LINES = 3, 4, 5


def impressions(hour: datetime, *, views: int = VIEWS, **columns: Any) -> pl.DataFrame:
    """Return an hour's lists of three items, shown by the fallback; one in four is clicked."""
    rows = views * LIST
    body = {
        "event_time": [hour + timedelta(seconds=7 * (i // LIST)) for i in range(rows)],
        "page_view_id": [f"{hour:%Y%m%d%H}-{i // LIST}" for i in range(rows)],
        "user_id": [f"u{i // LIST}" for i in range(rows)],
        "item_id": [f"i{i % LIST}" for i in range(rows)],
        "position": [i % LIST + 1 for i in range(rows)],
        "score": [None] * rows,
        "model_version": ["none"] * rows,
        "clicked": [i % (4 * LIST) == 0 for i in range(rows)],
        "source": ["fallback"] * rows,
        "co_7d": [float(i % 5) for i in range(rows)],
        "price": [1.0 + i % 7 for i in range(rows)],
    }
    schema = {**IMPRESSIONS.required, "user_id": pl.String, "co_7d": pl.Float32}
    return pl.DataFrame({**body, **columns}, schema={**schema, "price": pl.Float32})


def orders(hour: datetime, *, prices: float = 2.5, lines: int = LINES) -> pl.DataFrame:
    """Return an hour's order lines."""
    body = {
        "order_time": [hour + timedelta(minutes=i) for i in range(lines)],
        "order_id": [f"o{hour:%Y%m%d%H}-{i}" for i in range(lines)],
        "item_id": [f"i{i % LIST}" for i in range(lines)],
        "quantity": [1] * lines,
        "unit_price": [prices] * lines,
        "user_id": [f"u{i}" for i in range(lines)],
        "country": ["GB"] * lines,
    }
    return pl.DataFrame(
        body, schema={**ORDERS.required, "user_id": pl.String, "country": pl.String}
    )


def land_days(lake: Lake, start: datetime, days: int = 1, **lines: Any) -> None:
    """Close every hour of so many days, without waiting for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        for number in range(24 * days):
            hour = start + number * HOUR
            lake.land_hour("impressions", hour, impressions(hour))
            lake.land_hour("orders", hour, orders(hour, **lines))


RULES: Mapping[str, tuple[Severity, Any]] = {
    "closed": (Severity.ERROR, lambda value, scope: not value and scope != DAY_SCOPE),
    "readable": (Severity.ERROR, lambda value, scope: not value),
    "negative_prices": (Severity.ERROR, lambda value, scope: value > 0),
    "row_ratio": (Severity.WARNING, lambda value, scope: value < 0.5 and scope == DAY_SCOPE),
}


def judge(
    frames: Mapping[str, pl.DataFrame],
    model: str,
    *,
    name: str,
    at: datetime,
    docs: Path,
    profile: object = None,
) -> list[Finding]:
    """Return what breaks a few rules: Great Expectations takes seconds to say the same."""
    found = [
        Finding(
            suite=suite,
            fact=fact,
            scope=row["scope"],
            subject="",
            severity=severity,
            observed=str(row[fact]),
            expected="otherwise",
        )
        for suite in ("impressions", "orders")
        if suite in frames
        for row in frames[suite].iter_rows(named=True)
        for fact, (severity, breaks) in RULES.items()
        if row.get(fact) is not None and breaks(row[fact], row["scope"])
    ]
    (docs / "suites").mkdir(parents=True)
    (docs / "index.html").write_text(f"{model} {name} {at:%Y-%m-%d}: {len(found)}")
    (docs / "suites" / "all.html").write_text("\n".join(finding.text for finding in found))
    return found
