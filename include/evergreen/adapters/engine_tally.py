"""The counts of one hour while its files are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from evergreen.domain.bins import Bins
from evergreen.domain.sketch import POSITIONS, HourSketch


def _at_positions() -> np.ndarray:
    return np.zeros(POSITIONS, dtype=np.int64)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Sums of an hour, which files and batches add to.

    A page view's rows may lie in several batches, so views are kept until the end: 16 bytes each,
    by the 64-bit hash of their id. Two of a million ids share one with a probability of 3e-8.
    """

    impressions: int = 0
    labelled: int = 0
    clicks: int = 0
    fallback: int = 0
    other_versions: int = 0
    labelled_at: np.ndarray = field(default_factory=_at_positions)
    clicks_at: np.ndarray = field(default_factory=_at_positions)
    _bins: dict[str, np.ndarray] = field(default_factory=dict)
    _views: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def add_bins(self, column: str, counts: np.ndarray) -> None:
        """Add rows in each bin of a column."""
        before = self._bins.get(column)
        self._bins[column] = counts if before is None else before + counts

    def add_views(self, ids: np.ndarray, labelled: np.ndarray, clicks: np.ndarray) -> None:
        """Add page views: hashes of their ids, their labelled rows and clicks."""
        self._views.append((ids, labelled.astype(np.uint32), clicks.astype(np.uint32)))

    def sketch(self, columns: Mapping[str, Bins], problems: Mapping[str, str]) -> HourSketch:
        """Return the hour's sketch; a column with a problem has no bins."""
        views, n, c = self._merged_views()
        counted = {name: b for name, b in columns.items() if name not in problems}
        return HourSketch(
            impressions=self.impressions,
            labelled=self.labelled,
            clicks=self.clicks,
            page_views=views,
            fallback=self.fallback,
            other_versions=self.other_versions,
            labelled_at=tuple(self.labelled_at.tolist()),
            clicks_at=tuple(self.clicks_at.tolist()),
            view_squares=(int(n @ n), int(n @ c), int(c @ c)),
            bins={
                name: tuple(self._bins.get(name, np.zeros(b.size, dtype=np.int64)).tolist())
                for name, b in counted.items()
            },
            problems=dict(problems),
        )

    def _merged_views(self) -> tuple[int, np.ndarray, np.ndarray]:
        """Return the distinct page views, and labelled rows and clicks of each."""
        if not self._views:
            return 0, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        ids, n, c = (np.concatenate(parts) for parts in zip(*self._views, strict=True))
        ranked = np.sort(ids)
        if (ranked[1:] == ranked[:-1]).any():  # a view of more than one batch
            order = np.argsort(ids)
            ids = ids[order]
            starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
            n, c = (np.add.reduceat(part[order], starts) for part in (n, c))
        return n.size, n.astype(np.int64), c.astype(np.int64)
