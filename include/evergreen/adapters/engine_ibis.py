"""The counts of the lake's hours as Ibis expressions: DuckDB, Spark, or whatever a URL names.

The same counts as `engine_polars`, to the unit. What engines do differently is made explicit: NaN
(above everything in DuckDB and Spark) becomes null before it is compared, and a number is compared
with the largest float64 that rounds to the edge's float32, so that no engine has to round.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import ibis
import numpy as np
import polars as pl

from evergreen.adapters.engine_ibis_connect import connect, read_files
from evergreen.adapters.engine_plan import Plan, SameSchema, plan_of
from evergreen.adapters.engine_sample import learn_bins, newest_version
from evergreen.adapters.lake import Lake
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.errors import WindowInvalid
from evergreen.domain.sketch import POSITIONS, HourSketch
from evergreen.domain.windows import Window, hour_key

Rows = list[dict[str, Any]]
FLOAT32_MAX_HALF_STEP = 2.0**103
"""Half the distance from the largest float32 to where rounding gives infinity."""


class IbisEngine:
    """Counts over the Parquet files of a lake, by the engine behind a URL."""

    def __init__(self, lake: Lake, url: str) -> None:
        self._lake = lake
        self._url = url
        self._connected: Any = None

    def sketches(
        self, window: Window, columns: Mapping[str, Bins], *, version: str | None
    ) -> Mapping[datetime, HourSketch]:
        """Return the sketch of every closed hour of the window."""
        plan = plan_of(self._lake, window, columns)
        counts = _Counts(plan, columns)
        if plan.schemas:
            rows = self._rows(plan, columns, version)
            counts.sums = _by_hour(_hour_sums(rows, columns))
            counts.positions = _lists_by_hour(_positions(rows))
            counts.views = _by_hour(_views(rows))
            if any(isinstance(b, LevelBins) for b in columns.values()):
                counts.levels = _lists_by_hour(_levels(rows, columns))
            counts.require_all_rows()
        return {hour: counts.sketch(hour) for hour in plan.hours}

    def make_bins(
        self,
        window: Window,
        *,
        numeric: Sequence[str],
        categorical: Sequence[str],
        version: str | None,
    ) -> dict[str, Bins]:
        """Return bins that share out the rows of the window."""
        return learn_bins(
            self._lake,
            window,
            numeric,
            categorical,
            version=version,
            count_levels=self._count_levels,
        )

    def serving_version(self, window: Window) -> str | None:
        """Return the model version of the newest impression."""
        return newest_version(self._lake, window)

    def _count_levels(
        self, _: Lake, plan: Plan, columns: Sequence[str], version: str | None
    ) -> dict[str, Counter[str]]:
        counts: dict[str, Counter[str]] = {column: Counter() for column in columns}
        if columns and plan.schemas:
            bins = {column: LevelBins(groups=()) for column in columns}
            rows = self._rows(plan, bins, version)
            for row in _fetch(_levels(rows, bins)):
                if row["level"] is not None:
                    counts[row["name"]][row["level"]] += row["n"]
        return counts

    def _rows(self, plan: Plan, columns: Mapping[str, Bins], version: str | None) -> Any:
        if self._connected is None:
            self._connected = connect(self._url)
        parts = [self._project(same, columns, version) for same in plan.schemas]
        return parts[0] if len(parts) == 1 else ibis.union(*parts)

    def _project(self, same: SameSchema, columns: Mapping[str, Bins], version: str | None) -> Any:
        """Return the counted columns in types that are the same for every schema of the lake."""
        table = read_files(self._connected, [file.uri for file in same.files])

        def read(column: str, kind: str) -> Any:
            if same.types.get(column, pl.Null()) == pl.Null:
                return ibis.null(kind)
            return table[self._lake.own_name(column)].cast(kind)

        own = ibis.literal(value=True)
        if version is not None:
            own = (read("model_version", "string") == version).fill_null(False)
        source = read("source", "string")
        clicked, position = read("clicked", "boolean"), read("position", "int64").fill_null(0)
        bins = {
            f"c{i}": _number(read(name, "float64"))
            if isinstance(b, NumericBins)
            else read(name, "string")
            for i, (name, b) in enumerate(columns.items())
            if name in same.kinds
        }
        absent = {
            f"c{i}": ibis.null("float64" if isinstance(b, NumericBins) else "string")
            for i, (name, b) in enumerate(columns.items())
            if name not in same.kinds
        }
        time = table[self._lake.own_name("event_time")]
        return table.select(
            hour=(time.epoch_seconds() // 3600).cast("int64"),
            page_view=read("page_view_id", "string"),
            own=own,
            served=own & (source == "model").fill_null(False),
            fallback=own & (source == "fallback").fill_null(False),
            labelled=own & clicked.notnull(),
            clicked=own & clicked.fill_null(False),
            position=ibis.ifelse(position > POSITIONS, POSITIONS, position),
            **dict(sorted({**bins, **absent}.items())),
        )


def highest_that_rounds_to(edge: float) -> float:
    """Return the largest float64 that is at most the edge once it is rounded to float32.

    Example:
        >>> highest_that_rounds_to(1.0)
        1.0000000596046448
    """
    at = np.float32(edge)
    with np.errstate(over="ignore"):
        above = float(np.nextafter(at, np.float32(np.inf)))
    step = (above - float(at)) / 2 if np.isfinite(above) else FLOAT32_MAX_HALF_STEP
    middle = float(at) + step  # exact; a tie goes to the even mantissa
    even = int(at.view(np.uint32)) % 2 == 0
    return middle if even else float(np.nextafter(middle, -np.inf))


def _number(column: Any) -> Any:
    return ibis.ifelse(column.isnan(), ibis.null("float64"), column)


def _hour_sums(rows: Any, columns: Mapping[str, Bins]) -> Any:
    """Return counts of each hour, and of each number the rows at or below each edge."""
    sums = {
        "rows": rows.count(),
        **{name: rows[name].sum() for name in ("own", "fallback", "labelled", "clicked", "served")},
    }
    for i, bins in enumerate(columns.values()):
        if isinstance(bins, NumericBins):
            column = rows[f"c{i}"]
            for j, edge in enumerate(bins.edges):
                sums[f"c{i}_{j}"] = (rows.served & (column <= highest_that_rounds_to(edge))).sum()
            sums[f"c{i}_present"] = (rows.served & column.notnull()).sum()
    return rows.group_by("hour").aggregate(**sums)


def _positions(rows: Any) -> Any:
    known = rows.filter(rows.labelled & (rows.position >= 1))
    return known.group_by("hour", "position").aggregate(n=known.count(), c=known.clicked.sum())


def _views(rows: Any) -> Any:
    """Return page views of each hour, and the sums of n², n·c and c² over them."""
    known = rows.filter(rows.own & rows.page_view.notnull())
    views = known.group_by("hour", "page_view").aggregate(
        n=known.labelled.sum(), c=known.clicked.sum()
    )
    return views.group_by("hour").aggregate(
        views=views.count(),
        nn=(views.n * views.n).sum(),
        nc=(views.n * views.c).sum(),
        cc=(views.c * views.c).sum(),
    )


def _levels(rows: Any, columns: Mapping[str, Bins]) -> Any:
    """Return rows of each hour, category and level."""
    parts = []
    for i, (name, bins) in enumerate(columns.items()):
        if isinstance(bins, LevelBins):
            counted = rows.filter(rows.own if name == "source" else rows.served)
            levels = counted.select("hour", name=ibis.literal(name), level=counted[f"c{i}"])
            parts.append(levels.group_by("hour", "name", "level").aggregate(n=levels.count()))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def _fetch(expression: Any) -> Rows:
    return list(expression.to_pyarrow().to_pylist())


def _moment(hour: int | None) -> datetime | None:
    return None if hour is None else datetime.fromtimestamp(hour * 3600, UTC)


def _by_hour(expression: Any) -> dict[datetime | None, dict[str, Any]]:
    return {_moment(row["hour"]): row for row in _fetch(expression)}


def _lists_by_hour(expression: Any) -> dict[datetime | None, Rows]:
    found: dict[datetime | None, Rows] = defaultdict(list)
    for row in _fetch(expression):
        found[_moment(row["hour"])].append(row)
    return found


class _Counts:
    """What the engine counted, hour by hour."""

    def __init__(self, plan: Plan, columns: Mapping[str, Bins]) -> None:
        self._plan, self._columns = plan, columns
        self.sums: dict[datetime | None, dict[str, Any]] = {}
        self.views: dict[datetime | None, dict[str, Any]] = {}
        self.positions: dict[datetime | None, Rows] = {}
        self.levels: dict[datetime | None, Rows] = {}

    def require_all_rows(self) -> None:
        """Refuse rows whose time lies outside the hour of their file.

        Raises:
            WindowInvalid: an hour's files hold another number of rows than were counted in it.
        """
        held: Counter[datetime] = Counter()
        for file in (file for same in self._plan.schemas for file in same.files):
            held[file.hour] += file.metadata.num_rows
        for hour, rows in held.items():
            found = self.sums.get(hour, {}).get("rows", 0)
            if found != rows:
                raise WindowInvalid(
                    f"impressions of {hour_key(hour)} hold {rows:,} rows, but {found:,} have their "
                    "event_time in this hour; land each row in its own hour"
                )

    def sketch(self, hour: datetime) -> HourSketch:
        """Return the hour's sketch; a column with a problem has no bins."""
        sums, views = self.sums.get(hour, {}), self.views.get(hour, {})
        problems = self._plan.problems.get(hour, {})
        at, clicks_at = [0] * POSITIONS, [0] * POSITIONS
        for row in self.positions.get(hour, []):
            at[row["position"] - 1], clicks_at[row["position"] - 1] = row["n"], row["c"]
        return HourSketch(
            impressions=_int(sums, "own"),
            labelled=_int(sums, "labelled"),
            clicks=_int(sums, "clicked"),
            page_views=_int(views, "views"),
            fallback=_int(sums, "fallback"),
            other_versions=_int(sums, "rows") - _int(sums, "own"),
            labelled_at=tuple(at),
            clicks_at=tuple(clicks_at),
            view_squares=(_int(views, "nn"), _int(views, "nc"), _int(views, "cc")),
            bins={
                name: self._bins(i, name, bins, hour)
                for i, (name, bins) in enumerate(self._columns.items())
                if name not in problems
            },
            problems=dict(problems),
        )

    def _bins(self, i: int, name: str, bins: Bins, hour: datetime) -> tuple[int, ...]:
        if isinstance(bins, LevelBins):
            found = [row for row in self.levels.get(hour, []) if row["name"] == name]
            return _level_counts(bins, found)
        sums = self.sums.get(hour, {})
        below = [_int(sums, f"c{i}_{j}") for j in range(len(bins.edges))]
        steps = [0, *below, _int(sums, f"c{i}_present"), _int(sums, "served")]
        return tuple(int(n) for n in np.diff(steps))


def _level_counts(bins: LevelBins, found: Rows) -> tuple[int, ...]:
    counts, bin_of, other = [0] * bins.size, bins.bin_of, len(bins.groups)
    for row in found:
        at = other + 1 if row["level"] is None else bin_of.get(row["level"], other)
        counts[at] += row["n"]
    return tuple(counts)


def _int(row: Mapping[str, Any], name: str) -> int:
    """Return a sum; engines give null for the sum of no rows."""
    return int(row.get(name) or 0)
