"""The sketch of an hour: counts against one reference profile, which add up to any window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HourSketch:
    """What one hour held of one model version.

    Parameters:
        impressions: rows of this version, whether their label is known or not.
        labelled: rows whose label is known; CTR is clicks / labelled.
        fallback: rows of this version that were fallback.
        other_versions: rows that another version served.
        bins: column to rows in each bin, then missing ones; rows served by the model only.
    """

    impressions: int = 0
    labelled: int = 0
    clicks: int = 0
    page_views: int = 0
    fallback: int = 0
    other_versions: int = 0
    bins: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> HourSketch:
        """Return the sketch that `to_json` wrote."""
        bins = {name: tuple(counts) for name, counts in body.get("bins", {}).items()}
        return cls(**{**body, "bins": bins})


def merge(sketches: Iterable[HourSketch]) -> HourSketch:
    """Return the sum: the sketch of all the hours together.

    Example:
        >>> merge([HourSketch(clicks=1), HourSketch(clicks=2)]).clicks
        3
    """
    total: dict[str, int] = {}
    bins: dict[str, tuple[int, ...]] = {}
    for sketch in sketches:
        for name, value in asdict(sketch).items():
            if name != "bins":
                total[name] = total.get(name, 0) + value
        for name, counts in sketch.bins.items():
            before = bins.get(name, (0,) * len(counts))
            bins[name] = tuple(a + b for a, b in zip(before, counts, strict=True))
    return HourSketch(**total, bins=bins)
