"""The sketch of a frame, row by row in Python: what every engine must equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from evergreen.domain.bins import Bins, NumericBins
from evergreen.domain.sketch import POSITIONS, HourSketch


def by_hand(frame: pl.DataFrame, columns: Mapping[str, Bins], version: str | None) -> HourSketch:
    """Return the sketch of an hour's rows."""
    rows = frame.to_dicts()
    own = [row for row in rows if version is None or row["model_version"] == version]
    served = [row for row in own if row["source"] == "model"]
    labelled = [row for row in own if row["clicked"] is not None]
    clicked = [row for row in labelled if row["clicked"]]
    views: dict[str, list[int]] = {}
    for row in own:
        if row["page_view_id"] is not None:
            n_c = views.setdefault(row["page_view_id"], [0, 0])
            n_c[0] += row["clicked"] is not None
            n_c[1] += row["clicked"] is True
    return HourSketch(
        impressions=len(own),
        labelled=len(labelled),
        clicks=len(clicked),
        page_views=len(views),
        fallback=sum(row["source"] == "fallback" for row in own),
        other_versions=len(rows) - len(own),
        labelled_at=_at(labelled),
        clicks_at=_at(clicked),
        view_squares=(
            sum(n * n for n, _ in views.values()),
            sum(n * c for n, c in views.values()),
            sum(c * c for _, c in views.values()),
        ),
        bins={
            name: _binned([row[name] for row in (own if name == "source" else served)], bins)
            for name, bins in columns.items()
        },
    )


def _at(rows: list[dict[str, Any]]) -> tuple[int, ...]:
    known = [row["position"] for row in rows if row["position"] is not None]
    count = Counter(min(position, POSITIONS) for position in known if position >= 1)
    return tuple(count[i + 1] for i in range(POSITIONS))


def _binned(values: list[Any], bins: Bins) -> tuple[int, ...]:
    if isinstance(bins, NumericBins):
        return tuple(map(int, bins.count([float("nan") if v is None else v for v in values])))
    return tuple(map(int, bins.count([_text(value) for value in values])))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
