"""Good data to damage: the real ones of ../shared/data where they are at hand, else made ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from evergreen.adapters.facts import Known
from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import PROJECT
from evergreen.domain.windows import Window

DATA = PROJECT.parent / "shared" / "data"
SALES_LOG = DATA / "online_retail" / "online_retail.parquet"
BANDIT_LOG = DATA / "open_bandit"
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(frozen=True, kw_only=True)
class World:
    """A lake in which nothing is wrong.

    Parameters:
        spec: of the model that serves.
        root: the lake's folder; it is shared and must not be written.
        known: what its facts are compared with.
        day: the busy day that damage is planted in.
        usual: a day with about as many rows as the same weekday a week before.
        good: days that must raise no error.
        real: whether its data are those of ../shared/data.
    """

    spec: ModelSpec
    root: Path
    known: Known
    day: datetime
    usual: datetime
    good: tuple[datetime, ...]
    real: bool

    @property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(str(self.root), self.spec.columns)


def rows_of_day(lake: Lake, table: str, day: datetime) -> int:
    """Return how many rows a day's closed hours hold."""
    return sum(closing.rows for closing in lake.closings(table, day_window(day)).values())


def busiest_hour(lake: Lake, day: datetime) -> datetime:
    """Return the day's hour with the most impressions."""
    closings = lake.closings("impressions", day_window(day))
    return max(closings, key=lambda hour: closings[hour].rows)


def day_window(day: datetime) -> Window:
    """Return a day's hours."""
    return Window(day, day + DAY)
