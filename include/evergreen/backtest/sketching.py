"""The sketches of served hours: the counts that an engine makes of the lake's impressions.

A feature keeps the value it had when the list was made, so the bin of each entry of the lists is
known once and an hour is a sum over entries. A test holds this and the engines together.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from evergreen.adapters.reference import SOURCE
from evergreen.backtest.history import History
from evergreen.backtest.serving import Served, Shelf
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.sketch import POSITIONS, HourSketch
from evergreen.domain.windows import HOUR, Window


class Sketcher:
    """Sketches of what one model version serves."""

    def __init__(self, shelf: Shelf, profile: ReferenceProfile) -> None:
        self._shelf = shelf
        self._sizes = {name: bins.size for name, bins in profile.bins.items()}
        table = shelf.lists.table
        self._bin = {name: _bins_of(table[name], bins) for name, bins in profile.bins.items()}

    def sketches(
        self, history: History, window: Window, attribution: timedelta
    ) -> dict[datetime, HourSketch]:
        """Return the sketch of every hour of a window; of hours without trade too."""
        found = {hour: self._empty() for hour in window.hours()}
        for served in self._shelf.serve(history, window, attribution):
            for at in np.unique(served.hour).tolist():
                found[window.start + at * HOUR] = self._sketch(served, served.hour == at)
        return found

    def _empty(self) -> HourSketch:
        return HourSketch(
            labelled_at=(0,) * POSITIONS,
            clicks_at=(0,) * POSITIONS,
            bins={name: (0,) * size for name, size in self._sizes.items()},
        )

    def _sketch(self, served: Served, rows: np.ndarray) -> HourSketch:
        there, clicked = served.shown.item[rows] >= 0, served.shown.clicked[rows]
        entry = served.entry[rows][there]
        fallback = self._shelf.fallback[entry]
        n, c = there.sum(axis=1), clicked.sum(axis=1)
        own = entry[~fallback]
        return HourSketch(
            impressions=int(n.sum()),
            labelled=int(n.sum()),
            clicks=int(c.sum()),
            page_views=int((n > 0).sum()),
            fallback=int(fallback.sum()),
            labelled_at=_at_positions(there),
            clicks_at=_at_positions(clicked),
            view_squares=(int(n @ n), int(n @ c), int(c @ c)),
            bins={
                name: tuple(
                    np.bincount(
                        self._bin[name][entry if name == SOURCE else own], minlength=size
                    ).tolist()
                )
                for name, size in self._sizes.items()
            },
        )


def _at_positions(shown: np.ndarray) -> tuple[int, ...]:
    counts = np.zeros(POSITIONS, dtype=np.int64)
    counts[: shown.shape[1]] = shown.sum(axis=0)
    return tuple(counts.tolist())


def _bins_of(values: pl.Series, bins: Bins) -> np.ndarray:
    """Return the bin of each value: what `Bins.count` counts, row by row."""
    if isinstance(bins, LevelBins):
        bin_of: Mapping[str, int] = bins.bin_of
        other = len(bins.groups)
        texts = values.cast(pl.String).to_list()
        return np.array([other + 1 if t is None else bin_of.get(t, other) for t in texts])
    assert isinstance(bins, NumericBins)
    numbers = values.cast(pl.Float32).fill_null(np.nan).to_numpy()
    cuts = np.asarray(bins.edges, dtype=np.float32)
    at = np.searchsorted(cuts, numbers, side="left")
    return np.where(np.isnan(numbers), cuts.size + 1, at)
