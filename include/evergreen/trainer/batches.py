"""Rows to learn from, read from a local Parquet file in batches: what is in memory is one batch.

A backtest, which trains hundreds of small models, hands over frames in memory instead.

XGBoost goes over the rows several times: to count them, to sketch their quantiles, to bin them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import xgboost as xgb


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """Older rows weigh less: 0.5^((until - event_time) / half_life).

    Example: with a half-life of 7 days a row of 14 days before `until` weighs 0.25.
    """

    half_life: timedelta
    until: datetime

    def factor(self) -> pl.Expr:
        """Return what each row's weight is multiplied with."""
        age_us = (pl.lit(self.until) - pl.col("event_time")).dt.total_microseconds()
        return 0.5 ** (age_us / (self.half_life / timedelta(microseconds=1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which rows of a file are learned from, and what they are like.

    Parameters:
        source: local Parquet, or a frame in memory, with `label`, `weight`, the features, and, for
            `since` and `decay`, `event_time`, rising.
        batch_rows: how many are read at a time.
        first: the file's first row that counts.
        file_rows: all rows of the file.
        count, clicks: of the rows that count.
        mean_weight: of them, with decay; weights are divided by it, so that `min_child_weight`
            counts rows.
    """

    source: Path | pl.DataFrame
    batch_rows: int
    first: int
    file_rows: int
    count: int
    clicks: int
    mean_weight: float
    since: datetime | None
    decay: Decay | None

    @property
    def one_kind(self) -> bool:
        """Whether no row, or labels of one kind only, are there to learn from."""
        return self.clicks in (0, self.count)


def scan_rows(
    source: Path | pl.DataFrame,
    *,
    batch_rows: int,
    since: datetime | None = None,
    decay: Decay | None = None,
) -> Rows:
    """Count a file's rows from `since` on, in one pass over label, weight and time."""
    file_rows = lazily(source).select(pl.len()).collect().item()
    weight = pl.col("weight").cast(pl.Float64) * (decay.factor() if decay else 1.0)
    counted = [pl.len().alias("rows"), pl.col("label").sum().alias("clicks"), weight.sum()]
    first, count, clicks, total = file_rows, 0, 0, 0.0
    for start in range(0, file_rows, batch_rows):
        batch = lazily(source).slice(start, batch_rows)
        if since is not None:
            batch = batch.with_row_index("row").filter(pl.col("event_time") >= since)
            counted_here = [*counted, pl.col("row").min()]
        else:
            counted_here = [*counted, pl.lit(0).alias("row")]
        found = batch.select(counted_here).collect().row(0, named=True)
        if found["rows"]:
            first = min(first, start + found["row"])
            count, clicks = count + found["rows"], clicks + found["clicks"]
            total += found["weight"]
    return Rows(
        source=source,
        batch_rows=batch_rows,
        first=first,
        file_rows=file_rows,
        count=count,
        clicks=clicks,
        mean_weight=float(np.float32(total / count)) if count else 1.0,
        since=since,
        decay=decay,
    )


def lazily(source: Path | pl.DataFrame) -> pl.LazyFrame:
    """Return the rows of a source as a query."""
    return source.lazy() if isinstance(source, pl.DataFrame) else pl.scan_parquet(source)


class Batches(xgb.DataIter):
    """XGBoost's view of the rows: features, labels, and weights of mean 1, batch by batch.

    Args:
        cache_prefix: where XGBoost keeps binned pages; None: in memory.
        to_device: what puts an array on the GPU; None: it stays in memory.
        told: called with the rows read so far and the number of the pass.
    """

    def __init__(
        self,
        rows: Rows,
        features: tuple[str, ...],
        *,
        cache_prefix: str | None = None,
        to_device: Callable[[np.ndarray], Any] | None = None,
        told: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        super().__init__(cache_prefix=cache_prefix)
        self._rows, self._features = rows, features
        self._to_device, self._told = to_device or (lambda array: array), told
        self._left: Iterator[pl.DataFrame] | None = None
        self._read, self._passes = 0, 0

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand XGBoost the next batch; False when there is none."""
        if self._left is None:
            self._left, self._read = self._frames(), 0
            self._passes += 1
        frame = next(self._left, None)
        if frame is None:
            return False
        weight = frame["weight"].to_numpy() / self._rows.mean_weight
        input_data(
            data=self._to_device(matrix(frame, self._features)),
            label=self._to_device(frame["label"].to_numpy()),
            weight=self._to_device(weight.astype(np.float32)),
            feature_names=list(self._features),
        )
        self._read += frame.height
        self._told(self._read, self._passes)
        return True

    def reset(self) -> None:
        """Begin at the first row again."""
        self._left = None

    def _frames(self) -> Iterator[pl.DataFrame]:
        rows = self._rows
        wanted = [pl.col("label"), self._weight(), *(pl.col(name) for name in self._features)]
        for start in range(rows.first, rows.file_rows, rows.batch_rows):
            batch = lazily(rows.source).slice(start, rows.batch_rows)
            if rows.since is not None:
                batch = batch.filter(pl.col("event_time") >= rows.since)
            frame = batch.select(wanted).collect()
            if frame.height:
                yield frame

    def _weight(self) -> pl.Expr:
        weight = pl.col("weight").cast(pl.Float64)
        return weight * self._rows.decay.factor() if self._rows.decay else weight


def matrix(rows: pl.DataFrame, features: tuple[str, ...]) -> np.ndarray:
    """Return features as float32, missing ones NaN, [N, F]."""
    return rows.select(
        pl.col(name).cast(pl.Float32).fill_null(np.nan) for name in features
    ).to_numpy()
