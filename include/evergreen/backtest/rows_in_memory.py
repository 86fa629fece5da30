"""The tables of a data set in memory: what `build_dataset` writes to files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from evergreen.backtest.history import History
from evergreen.config.model_spec import ModelSpec
from evergreen.trainer.dataset import Split, make_dataset
from evergreen.trainer.model_code import ModelCode


class MemoryRows:
    """Takes labelled rows."""

    def __init__(self) -> None:
        self.rows = 0
        self._parts: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Take more rows."""
        self.rows += rows.height
        self._parts.append(rows)

    def frame(self) -> pl.DataFrame:
        """Return all of them."""
        return pl.concat(self._parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What one retraining learns from and is judged on.

    Parameters:
        train, valid: labelled rows.
        tables: every other table of the step, by name.
        said: what the step tells.
    """

    train: pl.DataFrame
    valid: pl.DataFrame
    tables: dict[str, pl.DataFrame]
    said: dict[str, Any]

    def moment(self, name: str) -> datetime:
        """Return one of the moments that the step tells."""
        return datetime.fromisoformat(self.said[name])


def dataset_of(history: History, spec: ModelSpec, code: ModelCode, until: datetime) -> Dataset:
    """Return the data set of a retraining at a moment, from the orders before it.

    Raises:
        WindowEmpty, FeatureInvalid: as `build_dataset`.
    """
    start = until - spec.train.window
    split = Split.of({"window": {"start": start.isoformat(), "end": until.isoformat()}}, spec)
    orders = history.between(start - spec.train.lookback, until)
    train, valid, tables = MemoryRows(), MemoryRows(), dict[str, pl.DataFrame]()
    said = make_dataset(
        orders, split, spec, code, train=train, valid=valid, keep=tables.__setitem__
    )
    return Dataset(train=train.frame(), valid=valid.frame(), tables=tables, said=said)
