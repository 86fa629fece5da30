"""When what happens in the demo: a log's half year, moved so that it ends at the present hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from evergreen.domain.errors import SalesLogInvalid
from evergreen.domain.windows import HOUR, Window, floor_hour

WEEK = timedelta(weeks=1)
DAY = timedelta(days=1)
AFTER = timedelta(weeks=2)
FRESH = timedelta(weeks=2)
TRAIN_SHARE, LIVE_SHARE = 0.29, 0.78  # of the log's length: on UCI's, 31 January and mid-May 2011
SHORTEST = timedelta(days=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """The demo's moments, in the lake's time.

    Parameters:
        shift: whole weeks that the log is moved by.
        start: first hour of the log.
        trained: end of the first champion's training window.
        live: the hour that the scheduler's monitor judges.
        end: two weeks after it.
    """

    shift: timedelta
    start: datetime
    trained: datetime
    live: datetime
    end: datetime

    @property
    def fresh(self) -> Window:
        """The first champion's first two weeks."""
        return Window(self.trained, self.trained + FRESH)

    @property
    def stale(self) -> Window:
        """The week that ends with the live hour."""
        return Window(self.live + HOUR - WEEK, self.live + HOUR)

    @property
    def after(self) -> Window:
        """The two weeks after the live hour."""
        return Window(self.live + HOUR, self.end)


def make_plan(orders: pl.DataFrame, now: datetime) -> DemoPlan:
    """Return the plan for a log, so that it ends in the past week.

    The live hour is the busiest of its day.

    Raises:
        SalesLogInvalid: the log is shorter than four months.
    """
    times = orders["order_time"]
    first, last = _moment(times.min()), _moment(times.max())
    start = first.replace(hour=0, minute=0, second=0, microsecond=0)
    length = last - start
    if length < SHORTEST:
        raise SalesLogInvalid(
            f"the sales log covers {length.days} days; the demo needs {SHORTEST.days} to let a "
            f"model go stale"
        )
    trained = start + DAY * round(length / DAY * TRAIN_SHARE + 0.5)
    day = start + DAY * round(length / DAY * LIVE_SHARE)
    live = _busiest_hour(orders, day)
    end = live + HOUR + AFTER
    shift = WEEK * ((floor_hour(now) - end) // WEEK)
    return DemoPlan(
        shift=shift,
        start=start + shift,
        trained=trained + shift,
        live=live + shift,
        end=end + shift,
    )


def _busiest_hour(orders: pl.DataFrame, day: datetime) -> datetime:
    """Return the hour with most order lines of the first trading day from `day` on."""
    later = orders.filter(pl.col("order_time") >= day).select(
        hour=pl.col("order_time").dt.truncate("1h")
    )
    first_day = later["hour"].dt.truncate("1d").min()
    counts = later.filter(pl.col("hour").dt.truncate("1d") == first_day)["hour"].value_counts()
    return _moment(counts.sort(["count", "hour"], descending=[True, False])["hour"][0])


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise SalesLogInvalid("the sales log holds no orders")
    return value.astimezone(UTC)
