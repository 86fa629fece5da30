"""The drift of every column over time, small enough for a picture: one cell a column and period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Measurement
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window

MAX_BODIES = 720
"""Measurements that are read for one map: 30 days of hours. They hold every column's numbers."""
MAX_CELLS = 120
"""Periods of a map. A screen shows no more; a period tells the worst of its hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRow:
    """One column's cells, oldest first; None where nothing was judged.

    Parameters:
        size: largest PSI / the PSI that is large, of the period's views; 1 is where it is large.
        drifted: what happened: `shift`, `missing`, `new_category`; None without a drift.
    """

    column: str
    importance: float
    size: list[float | None]
    drifted: list[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftMap:
    """The map. Columns are ordered: those that have drifted, then by importance.

    Parameters:
        at: start of each period, seconds since 1970.
        period_hours: length of a period.
        read_every_hours: above 1, hours between were not read.
        hour: the newest judged hour; None without one.
    """

    at: list[int]
    period_hours: int
    read_every_hours: int
    hour: datetime | None
    columns: list[ColumnRow]


def hours_to_read(window: Window) -> list[datetime]:
    """Return the hours whose measurements are read: all, or every n-th up to the newest one."""
    hours = list(window.hours())
    step = _step(len(hours))
    return [hour for index, hour in enumerate(hours) if (len(hours) - 1 - index) % step == 0]


def drift_map(window: Window, measured: Sequence[Measurement]) -> DriftMap:
    """Return the map of a window.

    Raises:
        KeyError, TypeError, ValueError: a body is not what the drift sensor writes.
    """
    count = max(window.length // HOUR, 1)
    period = -(-count // MAX_CELLS)
    cells = -(-count // period)
    start = window.end - cells * period * HOUR
    size: dict[str, list[float | None]] = {}
    drifted: dict[str, list[str | None]] = {}
    importance: dict[str, float] = {}
    for said in measured:
        cell = (said.hour - start) // (period * HOUR)
        if not 0 <= cell < cells:
            continue
        for column in said.body["columns"]:
            name = str(column["column"])
            importance[name] = float(column["importance"])
            _add(column, size.setdefault(name, [None] * cells), cell)
            if column["verdict"] == Verdict.YES:
                kinds = drifted.setdefault(name, [None] * cells)
                kinds[cell] = kinds[cell] or str(column.get("kind") or "shift")
    rows = [
        ColumnRow(
            column=name,
            importance=round(importance[name], 4),
            size=values,
            drifted=drifted.get(name, [None] * cells),
        )
        for name, values in size.items()
    ]
    return DriftMap(
        at=[int((start + cell * period * HOUR).timestamp()) for cell in range(cells)],
        period_hours=period,
        read_every_hours=_step(count),
        hour=measured[-1].hour if measured else None,
        columns=sorted(rows, key=lambda r: (not any(r.drifted), -r.importance, r.column)),
    )


def _step(hours: int) -> int:
    return max(-(-hours // MAX_BODIES), 1)


def _add(column: dict[str, Any], cells: list[float | None], cell: int) -> None:
    psi, large = column.get("psi"), column.get("min_psi")
    if psi is None or not large:
        return
    found = round(float(psi) / float(large), 3)
    before = cells[cell]
    cells[cell] = found if before is None else max(before, found)
