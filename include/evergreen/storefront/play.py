"""Plays a sales log into the lake: real baskets meet what the shop would have shown them.

Every line of a basket is a page view of its item. Shown are the first five published
recommendations for that item that the basket does not hold yet, then what is popular; an impression
is clicked when the basket gets the shown item on a later line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.adapters.lists import catalogue, codes_of
from evergreen.adapters.published import Published
from evergreen.domain.errors import WindowInvalid
from evergreen.domain.serving import BasketIndex
from evergreen.domain.windows import HOUR, Window
from evergreen.storefront.impressions import serve
from evergreen.storefront.offers import (
    LogCodes,
    Offers,
    PublishedOffers,
    TrailingPopularity,
)

CHUNK = timedelta(days=1)
"""How much is computed at once: a thousand page views and their lists."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayReport:
    """What a play landed; `hours_skipped` were closed before and stayed as they were."""

    hours: int
    hours_skipped: int
    page_views: int
    impressions: int
    clicks: int
    fallback_impressions: int

    @property
    def ctr(self) -> float | None:
        """Clicks per impression; None without impressions."""
        return self.clicks / self.impressions if self.impressions else None

    @property
    def fallback_share(self) -> float | None:
        """Share of impressions that popularity filled; None without impressions."""
        return self.fallback_impressions / self.impressions if self.impressions else None


def play(
    orders: pl.DataFrame,
    window: Window,
    *,
    lake: Lake,
    published: Published,
    shift: timedelta = timedelta(0),
    features: Sequence[str] = (),
    again: bool = False,
    progress: Progress | None = None,
) -> PlayReport:
    """Land the orders and impressions of a window's hours, each orders first, then impressions.

    The set in force is read once, so one play serves one model version. Hours that are closed
    already are skipped: a play that was killed goes on where it stopped, and a second play changes
    nothing. An hour without trade is closed with zero rows.

    Parameters:
        orders: the whole cleaned log, in its own time; popularity looks back from the window.
        window: the hours to land, in the lake's time: the log's plus `shift`.
        shift: whole weeks, so that every line keeps its hour of the week.
        features: feature columns that impressions have even before the first release.
        again: land closed hours too, as a new generation.
        progress: called after every chunk with hours done and hours in all.

    Raises:
        WindowInvalid: the window is not within the days of the shifted log, or the shift is not
            whole weeks.
    """
    moved = _shifted(orders, window, shift)
    log, offers = _log_and_offers(moved, published)
    index = BasketIndex.of(log.basket, log.item, log.line, n_items=len(log.items))
    closed = {
        table: frozenset() if again else frozenset(lake.closed_hours(table, window))
        for table in ("orders", "impressions")
    }
    total = window.length // HOUR
    tallies = [np.zeros(5, dtype=np.int64)]
    for chunk in _chunks(window):
        if not closed["impressions"].issuperset(chunk.hours()):
            lines = _lines(log, chunk)
            rows = moved[lines]
            shown = serve(rows, log, lines, index=index, offers=offers, features=features)
            tallies += _land(lake, chunk, rows, shown, closed)
        if progress:
            progress((chunk.end - window.start) // HOUR, total)
    hours, page_views, impressions, clicks, fallback = np.sum(tallies, axis=0).tolist()
    return PlayReport(
        hours=hours,
        hours_skipped=total - hours,
        page_views=page_views,
        impressions=impressions,
        clicks=clicks,
        fallback_impressions=fallback,
    )


def log_window(orders: pl.DataFrame) -> Window:
    """Return the days that a log covers, the first and the last one whole.

    Raises:
        WindowInvalid: the log holds no order.
    """
    if orders.is_empty():
        raise WindowInvalid("the sales log holds no orders; import another one")
    days = orders.select(
        pl.col("order_time").min().dt.truncate("1d").alias("first"),
        pl.col("order_time").max().dt.truncate("1d").alias("last"),
    ).row(0)
    return Window(days[0], days[1] + timedelta(days=1))


def _shifted(orders: pl.DataFrame, window: Window, shift: timedelta) -> pl.DataFrame:
    if shift % timedelta(weeks=1):
        raise WindowInvalid(f"shift {shift} is not whole weeks; a line would change its weekday")
    moved = orders.with_columns(pl.col("order_time") + shift).sort(
        "order_time", maintain_order=True
    )
    covered = log_window(moved)
    if window.start < covered.start or window.end > covered.end:
        raise WindowInvalid(
            f"{window} is not within the sales log, which covers {covered}"
            + (f" after a shift of {shift.days // 7} weeks" if shift else "")
        )
    return moved


def _log_and_offers(moved: pl.DataFrame, published: Published) -> tuple[LogCodes, Offers]:
    current = published.current()
    if current is None:
        return _codes(moved, catalogue([moved["item_id"]])), TrailingPopularity()
    recommendations = published.recommendations(current.version)
    popular = published.popular(current.version)
    served = (recommendations["context_item_id"], recommendations["item_id"], popular["item_id"])
    items = catalogue([moved["item_id"], *served])
    offers = PublishedOffers(recommendations, popular, str(current.version), items)
    return _codes(moved, items), offers


def _codes(moved: pl.DataFrame, items: pl.Series) -> LogCodes:
    return LogCodes(
        time_us=moved["order_time"].to_physical().to_numpy(),
        basket=codes_of(moved["order_id"], catalogue([moved["order_id"]])),
        item=codes_of(moved["item_id"], items),
        line=moved["line"].cast(pl.Int64).to_numpy(),
        items=items,
    )


def _land(
    lake: Lake,
    chunk: Window,
    rows: pl.DataFrame,
    shown: pl.DataFrame,
    closed: Mapping[str, frozenset[datetime]],
) -> list[np.ndarray]:
    """Land each open hour, orders first; return the tally of each."""
    tallies = []
    hourly = zip(
        chunk.hours(),
        _by_hour(rows, "order_time", chunk),
        _by_hour(shown, "event_time", chunk),
        strict=True,
    )
    for hour, orders, impressions in hourly:
        if hour in closed["impressions"]:
            continue
        if hour not in closed["orders"]:
            lake.land_hour("orders", hour, orders)
        lake.land_hour("impressions", hour, impressions)
        fallback = (impressions["source"] == "fallback").sum()
        clicks = impressions["clicked"].sum()
        tallies.append(np.array([1, orders.height, impressions.height, clicks, fallback]))
    return tallies


def _by_hour(rows: pl.DataFrame, time: str, window: Window) -> list[pl.DataFrame]:
    """Cut rows in time order into the hours of the window."""
    times = rows[time].to_physical().to_numpy()
    cuts = np.searchsorted(times, [_us(hour) for hour in window.hours()]).tolist()
    ends = [*cuts[1:], rows.height]
    return [rows.slice(first, end - first) for first, end in zip(cuts, ends, strict=True)]


def _chunks(window: Window) -> Iterator[Window]:
    start = window.start
    while start < window.end:
        yield Window(start, min(start + CHUNK, window.end))
        start += CHUNK


def _lines(log: LogCodes, window: Window) -> slice:
    first, last = np.searchsorted(log.time_us, [_us(window.start), _us(window.end)])
    return slice(int(first), int(last))


def _us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
