"""The counts of every hour of a policy: what its lists in force would have shown and earned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evergreen.backtest.history import History
from evergreen.backtest.serving import HourCounts, Shelf
from evergreen.backtest.timeline import Timeline
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.windows import HOUR, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A policy's story and what each hour of it held."""

    line: Timeline
    counts: HourCounts

    @property
    def clicks(self) -> int:
        """All clicks."""
        return int(self.counts.clicks.sum())

    @property
    def impressions(self) -> int:
        """All impressions."""
        return int(self.counts.impressions.sum())

    @property
    def ctr(self) -> float | None:
        """Clicks per impression; None without impressions."""
        return self.clicks / self.impressions if self.impressions else None


def play(history: History, spec: ModelSpec, line: Timeline, window: Window) -> Played:
    """Return what the lists in force would have shown and earned, hour by hour."""
    columns: dict[str, list[np.ndarray]] = {
        name: [] for name in ("page_views", "impressions", "clicks", "fallback")
    }
    ends = [segment.start for segment in line.segments[1:]] + [window.end]
    for segment, end in zip(line.segments, ends, strict=True):
        part = Window(segment.start, end)
        if part.length < HOUR:
            continue
        shelf = Shelf(segment.trained.offered, history)
        found = shelf.counts(history, part, spec.lake.attribution_window)
        for name, values in columns.items():
            values.append(getattr(found, name))
    counts = HourCounts(**{name: np.concatenate(values) for name, values in columns.items()})
    return Played(line=line, counts=counts)
