"""The order lines that a backtest replays, cut so that nobody reads what has not happened yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from evergreen.adapters.lists import catalogue, codes_of
from evergreen.domain.errors import BacktestInvalid
from evergreen.domain.windows import Window
from evergreen.trainer.dataset import with_line

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)


@dataclass(frozen=True)
class History:
    """Order lines in the order of time.

    Whoever asks for a window gets its lines and no others: that is the whole protection against
    reading the future, so nothing here hands out the frame as a whole.

    Example:
        >>> day = datetime(2025, 1, 6, 9, tzinfo=UTC)
        >>> lines = pl.DataFrame({"order_time": [day], "order_id": ["1"], "item_id": ["a"]})
        >>> history = History.of(lines)
        >>> history.between(day, day + timedelta(hours=1)).height, str(history.window)
        (1, '[2025-01-06T00, 2025-01-07T00)')
    """

    _orders: pl.DataFrame
    _times: np.ndarray

    @classmethod
    def of(cls, orders: pl.DataFrame) -> History:
        """Return the history of order lines in any order.

        Raises:
            BacktestInvalid: there is none.
        """
        if orders.is_empty():
            raise BacktestInvalid("there are no orders to replay; import a sales log, or name one")
        time = pl.col("order_time").cast(pl.Datetime("us", "UTC"))
        ordered = with_line(orders.with_columns(time).sort("order_time", maintain_order=True))
        return cls(ordered, ordered["order_time"].to_physical().to_numpy())

    @property
    def window(self) -> Window:
        """The days that it covers, the first and the last one whole."""
        first, last = (
            EPOCH + timedelta(days=int(self._times[at] // (timedelta(days=1) // US)))
            for at in (0, -1)
        )
        return Window(first, last + timedelta(days=1))

    def between(self, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the lines of `[start, end)`, oldest first."""
        return self._orders[self.rows(start, end)]

    def rows(self, start: datetime, end: datetime) -> slice:
        """Return where the lines of `[start, end)` stand."""
        first, last = np.searchsorted(self._times, [(m - EPOCH) // US for m in (start, end)])
        return slice(int(first), int(last))

    def digest(self, start: datetime, end: datetime) -> str:
        """Return what names the content of `[start, end)`: equal lines, equal digest."""
        return hashlib.sha256(self._hashes[self.rows(start, end)].tobytes()).hexdigest()

    def write(self, path: str) -> None:
        """Keep it for other processes."""
        self._orders.write_parquet(path)

    @cached_property
    def _hashes(self) -> np.ndarray:
        return self._orders.hash_rows(seed=1).to_numpy()

    @cached_property
    def codes(self) -> Codes:
        """Every line as numbers. Codes are names for items and baskets; they tell nothing."""
        items = catalogue([self._orders["item_id"]])
        baskets = catalogue([self._orders["order_id"]])
        return Codes(
            time_us=self._times,
            basket=codes_of(self._orders["order_id"], baskets),
            item=codes_of(self._orders["item_id"], items),
            line=self._orders["line"].cast(pl.Int64).to_numpy(),
            items=items,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Order lines as integers, in the order of time.

    Parameters:
        time_us: microseconds since 1970, rising, [N].
        basket, item, line: codes and place in the order, [N].
        items: the item that each code stands for.
    """

    time_us: np.ndarray
    basket: np.ndarray
    item: np.ndarray
    line: np.ndarray
    items: pl.Series
