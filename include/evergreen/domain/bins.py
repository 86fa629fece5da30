"""The bins that a column is counted in: quantiles of a number, groups of a category's levels.

Two bins have a meaning of their own: the last one holds what is missing (null, NaN), and of a
category the one before it holds every level that the reference did not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evergreen.domain.errors import ProfileInvalid

NUMERIC_BINS = 10
"""Quantile bins of a number: 10 to 20 keep the chi-square approximation good at small samples."""
LEVEL_BINS = 20
"""Groups of a category's levels, at most."""
MAX_LEVELS = 1_000
"""Levels that a profile names, the most frequent first; all further ones are `other`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericBins:
    """Bins of a number: bin i holds values in (edges[i-1], edges[i]], the last one the missing.

    Parameters:
        edges: increasing float32 inner edges, [B-1]; -inf falls in the first bin, inf in the last.

    Raises:
        ProfileInvalid: an edge is NaN or not above the one before it.
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse edges that would put no row anywhere."""
        if not all(a < b for a, b in pairwise((-np.inf, *self.edges, np.inf))):
            raise ProfileInvalid(
                f"bin edges must increase and be finite, found {str(list(self.edges))[:120]}"
            )

    @property
    def size(self) -> int:
        """How many counts a sketch has of this column: the bins, then the missing."""
        return len(self.edges) + 2

    @property
    def labels(self) -> tuple[str, ...]:
        """The bins' names for people, [size]."""
        texts = [f"{edge:.4g}" for edge in self.edges]
        if not texts:
            return ("any value", "missing")
        between = [f"{a} to {b}" for a, b in pairwise(texts)]
        return (f"up to {texts[0]}", *between, f"above {texts[-1]}", "missing")

    def count(self, values: ArrayLike) -> np.ndarray:
        """Return rows in each bin, then the missing ones, [size].

        Example:
            >>> NumericBins(edges=(1.0,)).count([0.5, 1.0, 1.5, float("nan")]).tolist()
            [2, 1, 1]
        """
        column = np.asarray(values, dtype=np.float32)
        cuts = np.asarray(self.edges, dtype=np.float32)
        missing = np.isnan(column)
        at = np.searchsorted(cuts, column[~missing], side="left")
        return np.append(np.bincount(at, minlength=cuts.size + 1), int(missing.sum()))

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"edges": list(self.edges)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelBins:
    """Bins of a category: bin i holds the levels of group i; then `other`, then the missing.

    Parameters:
        groups: levels of each bin; big levels stand alone, small ones share a bin.
    """

    groups: tuple[tuple[str, ...], ...]

    @property
    def size(self) -> int:
        """How many counts a sketch has of this column: the groups, `other`, the missing."""
        return len(self.groups) + 2

    @property
    def labels(self) -> tuple[str, ...]:
        """The bins' names for people, [size]."""
        names = [g[0] if len(g) == 1 else f"{g[0]} and {len(g) - 1} more" for g in self.groups]
        return (*names, "other", "missing")

    @property
    def bin_of(self) -> dict[str, int]:
        """Level to its bin."""
        return {level: i for i, group in enumerate(self.groups) for level in group}

    def count(self, values: list[str | None]) -> np.ndarray:
        """Return rows in each bin, [size].

        Example:
            >>> LevelBins(groups=(("a",), ("b", "c"))).count(["a", "c", "new", None]).tolist()
            [1, 1, 1, 1]
        """
        bin_of, other = self.bin_of, len(self.groups)
        at = [other + 1 if value is None else bin_of.get(value, other) for value in values]
        return np.bincount(np.asarray(at, dtype=np.int64), minlength=self.size)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"groups": [list(group) for group in self.groups]}


Bins = NumericBins | LevelBins


def bins_from_json(body: Mapping[str, Any]) -> Bins:
    """Return the bins that `to_json` wrote.

    Raises:
        ProfileInvalid: neither edges nor groups, or edges that do not increase.
    """
    if "edges" in body:
        return NumericBins(edges=tuple(float("nan" if e is None else e) for e in body["edges"]))
    if "groups" in body:
        return LevelBins(groups=tuple(tuple(map(str, group)) for group in body["groups"]))
    raise ProfileInvalid(f"a column's bins have edges or groups, found {sorted(body)[:5]}")


def numeric_bins(values: ArrayLike, *, bins: int = NUMERIC_BINS) -> NumericBins:
    """Return bins of equal share, fewer where values repeat; NaN and infinities make no edge.

    Example:
        >>> numeric_bins([1.0, 2.0, 3.0, 4.0], bins=2).edges
        (2.5,)
    """
    column = np.asarray(values, dtype=np.float32)
    present = column[np.isfinite(column)]
    if not present.size:
        return NumericBins(edges=())
    cuts = np.quantile(present, np.arange(1, bins) / bins).astype(np.float32)
    return NumericBins(edges=tuple(map(float, np.unique(cuts))))


def level_bins(
    counts: Mapping[str, int], *, bins: int = LEVEL_BINS, max_levels: int = MAX_LEVELS
) -> LevelBins:
    """Return groups of levels, each with about 1/bins of the named rows or one level alone.

    Levels are taken by frequency (then by name) and packed into a group until it holds its part.
    So the tail of a category with many levels is watched too, and not only its head.

    Example:
        >>> level_bins({"a": 50, "b": 30, "c": 11, "d": 9}, bins=4).groups
        (('a',), ('b',), ('c', 'd'))
    """
    named = sorted(counts, key=lambda level: (-counts[level], level))[:max_levels]
    part = sum(counts[level] for level in named) / bins
    groups: list[tuple[str, ...]] = []
    group: list[str] = []
    held = 0
    for level in named:
        group.append(level)
        held += counts[level]
        if held >= part:
            groups.append(tuple(group))
            group, held = [], 0
    if group:
        groups.append(tuple(group))
    return LevelBins(groups=tuple(groups))
