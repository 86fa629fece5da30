"""Nothing later than the simulated hour is ever read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from quick_shop import DAY, OPENED

from evergreen.backtest.cache import Cache
from evergreen.backtest.history import History
from evergreen.backtest.played import Played, play
from evergreen.backtest.policies import parse_policy
from evergreen.backtest.replay import replay
from evergreen.backtest.workshop import Workshop
from evergreen.domain.errors import BacktestInvalid
from evergreen.domain.windows import HOUR, Window
from evergreen.storefront.shop import START

pytestmark = pytest.mark.timeout(300)
WINDOW = Window(OPENED, OPENED + 2 * DAY)
TOLD = OPENED + DAY + 12 * HOUR
"""From here on the planted history is another one."""


def planted(orders: pl.DataFrame, since: datetime) -> pl.DataFrame:
    """Return the orders with rows from `since` on that cannot be: one item in every basket, new
    items at impossible prices, and old baskets that go on."""
    later = orders.filter(pl.col("order_time") >= since)
    absurd = later.with_columns(
        item_id=pl.lit("FROM THE FUTURE"), unit_price=pl.lit(1e9), line=pl.col("line") + 1_000
    ).unique(["order_id"], keep="first", maintain_order=True)
    open_baskets = orders.filter(pl.col("order_time").is_between(since - DAY, since, "left"))
    going_on = open_baskets.with_columns(
        order_time=pl.lit(since + HOUR).cast(orders.schema["order_time"]),
        item_id=pl.lit("20000"),
        line=pl.col("line") + 2_000,
    ).unique(["order_id"], keep="first", maintain_order=True)
    parts = [orders.filter(pl.col("order_time") < since), later, absurd, going_on]
    return pl.concat([part.select(orders.columns) for part in parts])


def story(tools: Workshop, name: str) -> Played:
    line = replay(tools, parse_policy(name), WINDOW, in_words=True)
    return play(tools.history, tools.spec, line, WINDOW)


def test_impossible_future_rows_change_nothing_before_them(
    orders: pl.DataFrame, make_workshop: Callable[..., Workshop], tmp_path: Path
) -> None:
    told = make_workshop(History.of(orders))
    other = make_workshop(History.of(planted(orders, TOLD)), cache=Cache(tmp_path))
    hours = (TOLD - WINDOW.start) // HOUR
    for name in ("triggered", "daily"):
        ours, theirs = story(told, name), story(other, name)
        before = [[d for d in one.line.decisions if d[0] < TOLD] for one in (ours, theirs)]
        assert before[0] == before[1]
        events = [[e for e in one.line.events if e.hour < TOLD] for one in (ours, theirs)]
        assert events[0] == events[1]
        assert events[0]  # something has happened that could have differed
        for column in ("page_views", "impressions", "clicks", "fallback"):
            values = [getattr(one.counts, column) for one in (ours, theirs)]
            assert values[0][:hours].tolist() == values[1][:hours].tolist()
            if column == "page_views":
                assert values[0][hours:].tolist() != values[1][hours:].tolist()


def test_a_window_holds_its_rows_alone() -> None:
    times = [START + timedelta(hours=h) for h in (0, 1, 1, 5)]
    lines = pl.DataFrame({"order_time": times, "order_id": list("abcd"), "item_id": list("wxyz")})
    history = History.of(lines.reverse())
    assert history.between(START, START + HOUR)["item_id"].to_list() == ["w"]
    assert sorted(history.between(START + HOUR, START + 5 * HOUR)["item_id"]) == ["x", "y"]
    assert str(history.window) == "[2025-01-06T00, 2025-01-07T00)"
    assert history.between(START, START + HOUR)["line"].to_list() == [0]


def test_a_digest_is_of_what_the_window_holds(orders: pl.DataFrame) -> None:
    one, other = History.of(orders), History.of(planted(orders, TOLD))
    assert one.digest(START, TOLD) == other.digest(START, TOLD)
    assert one.digest(START, TOLD + 2 * HOUR) != other.digest(START, TOLD + 2 * HOUR)


def test_no_orders() -> None:
    with pytest.raises(BacktestInvalid, match="no orders to replay"):
        History.of(pl.DataFrame({"order_time": [], "order_id": [], "item_id": []}))
