"""The sketch of an hour: counts in a profile's bins, which add up to any window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

POSITIONS = 20
"""Positions that are counted one by one; the last count holds all further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourSketch:
    """What one hour held of one model version.

    Parameters:
        impressions: rows of this version, whether their label is known or not.
        labelled: rows whose label is known; CTR is clicks / labelled.
        page_views: distinct page views.
        fallback: rows of this version that were fallback.
        other_versions: rows that another version served.
        labelled_at, clicks_at: labelled rows and clicks by position, [POSITIONS], 1 first.
        view_squares: sums over page views of n², n·c and c², where n are a view's labelled rows and
            c its clicks. With them the spread of c - p·n is known for any CTR p.
        bins: column to rows in each bin. Rows that the model served; of `source` all rows.
        problems: column to why it could not be counted in this hour.
    """

    impressions: int = 0
    labelled: int = 0
    clicks: int = 0
    page_views: int = 0
    fallback: int = 0
    other_versions: int = 0
    labelled_at: tuple[int, ...] = ()
    clicks_at: tuple[int, ...] = ()
    view_squares: tuple[int, int, int] = (0, 0, 0)
    bins: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> HourSketch:
        """Return the sketch that `to_json` wrote."""
        lists = {name: tuple(v) for name, v in body.items() if isinstance(v, list | tuple)}
        bins = {name: tuple(counts) for name, counts in body.get("bins", {}).items()}
        return cls(**{**body, **lists, "bins": bins})


def merge(sketches: Iterable[HourSketch]) -> HourSketch:
    """Return the sum: the sketch of all the hours together.

    A column that some hours could not count is the sum of the others, and keeps the problem.

    Example:
        >>> merge([HourSketch(clicks=1), HourSketch(clicks=2)]).clicks
        3
    """
    total = HourSketch()
    for sketch in sketches:
        total = _add(total, sketch)
    return total


def _add(a: HourSketch, b: HourSketch) -> HourSketch:
    one, two = asdict(a), asdict(b)
    summed: dict[str, Any] = {}
    for name, value in one.items():
        other = two[name]
        if name == "problems":
            summed[name] = {**value, **other}
        elif name == "bins":
            summed[name] = {c: _sum(value.get(c, ()), other.get(c, ())) for c in {**value, **other}}
        else:
            summed[name] = _sum(value, other) if isinstance(value, tuple) else value + other
    return HourSketch(**summed)


def _sum(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    if not a or not b:
        return tuple(a or b)
    return tuple(x + y for x, y in zip(a, b, strict=True))
