"""The model's own code, with candidates that are made once for every policy and every retraining.

A moment's candidates rest on the orders of `train.lookback` before it, whoever asks: so those of
one midnight serve every retraining whose window holds it. `proven` says whether a model's code
keeps to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import polars as pl

from evergreen.backtest.cache import Cache, key_of
from evergreen.backtest.history import History
from evergreen.config.model_spec import ModelSpec
from evergreen.trainer.model_code import ModelCode

KIND, FILE = "candidates", "candidates.parquet"
IN_MEMORY = 36
"""Moments that a process keeps: more than one training window holds."""


class SharedCode:
    """What `ModelCode` is, over kept candidates; what is not kept is made and not kept.

    Args:
        code: the model's code.
        version: of that code and ours.
    """

    def __init__(
        self, code: ModelCode, history: History, spec: ModelSpec, cache: Cache, version: str
    ) -> None:
        self.FEATURES = code.FEATURES
        self._code, self._history, self._spec, self._cache = code, history, spec, cache
        self._version = version
        self._read = lru_cache(maxsize=IN_MEMORY)(pl.read_parquet)

    def candidates(
        self,
        orders: pl.DataFrame,
        moments: Sequence[datetime],
        *,
        length: int,
        contexts: Mapping[datetime, pl.Series] | None = None,
    ) -> Iterator[tuple[datetime, pl.DataFrame]]:
        """Yield each moment's candidates; kept ones are of every context item."""
        keys = {moment: self.key(moment) for moment in moments}
        missing = [m for m in moments if self._cache.find(KIND, keys[m]) is None]
        if missing:
            yield from self._code.candidates(orders, moments, length=length, contexts=contexts)
            return
        for moment in moments:
            yield moment, self._read(self._cache.root / KIND / keys[moment] / FILE)

    def popular(self, orders: pl.DataFrame, as_of: datetime, *, length: int) -> pl.DataFrame:
        """Return what the model's code returns."""
        return self._code.popular(orders, as_of, length=length)

    def key(self, moment: datetime) -> str:
        """Return the name of a moment's candidates."""
        return key_of(
            moment=moment.isoformat(),
            orders=self._history.digest(moment - self._spec.train.lookback, moment),
            length=self._spec.train.candidates,
            version=self._version,
        )

    def make(self, moments: Sequence[datetime]) -> None:
        """Make and keep the candidates of these moments, whole days apart."""
        missing = [m for m in moments if self._cache.find(KIND, self.key(m)) is None]
        if not missing:
            return
        orders = self._history.between(min(missing) - self._spec.train.lookback, max(missing))
        made = self._code.candidates(orders, missing, length=self._spec.train.candidates)
        for moment, frame in made:
            with self._cache.making(KIND, self.key(moment)) as folder:
                frame.write_parquet(folder / FILE, compression="lz4")

    def proven(self, moments: Sequence[datetime]) -> bool:
        """Say whether the newest of these moments has the same candidates when asked alone.

        A model's code may look further back than `train.lookback`, or at other moments; then
        nothing can be shared, and every retraining has to ask for itself.
        """
        length, lookback = self._spec.train.candidates, self._spec.train.lookback
        newest = max(moments)
        orders = self._history.between(min(moments) - lookback, newest)
        together = dict(self._code.candidates(orders, list(moments), length=length))[newest]
        alone = self._history.between(newest - lookback, newest)
        return dict(self._code.candidates(alone, [newest], length=length))[newest].equals(together)
