"""Which hours a day's findings put into quarantine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from evergreen.domain.quality import (
    DAY_SCOPE,
    REASONS_KEPT,
    TABLE_OF,
    Finding,
    Severity,
    hours_to_quarantine,
)
from evergreen.domain.windows import parse_hour

ALONE_ROWS = 500
"""An hour of so many rows is judged alone: then every expectation about an hour applies to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourFacts:
    """What is needed of one hour of one table.

    Parameters:
        generation: the one that was judged; 0 where the hour is not closed, or nobody can tell.
        judged: the facts that it has: those that apply to it.
    """

    generation: int
    rows: int
    closed: bool
    judged: frozenset[str]


def hours_of(facts: pl.DataFrame) -> dict[datetime, HourFacts]:
    """Return the hours of a table's frame of facts."""
    rows = facts.filter(pl.col("scope") != DAY_SCOPE).iter_rows(named=True)
    return {
        parse_hour(row["scope"]): HourFacts(
            generation=row["generation"] or 0,
            rows=row["rows"] or 0,
            closed=bool(row["closed"]),
            judged=frozenset(fact for fact, value in row.items() if value is not None),
        )
        for row in rows
    }


def failed_hours(
    findings: Sequence[Finding], hours: Mapping[str, Mapping[datetime, HourFacts]]
) -> dict[tuple[str, datetime], tuple[str, ...]]:
    """Return the hours that fail, with their reasons: `hours_to_quarantine` for each finding.

    An error about the day that an error of the same fact about an hour explains is not held against
    the hours that the fact was judged in: one damaged hour of a small shop would take the whole day
    along.
    """
    alone = {
        table: {hour for hour, facts in of.items() if facts.rows >= ALONE_ROWS}
        for table, of in hours.items()
    }
    every = {table: list(of) for table, of in hours.items()}
    explained = {_what(f) for f in findings if _is_error(f) and f.scope != DAY_SCOPE}
    failed: dict[tuple[str, datetime], list[str]] = {}
    for found in findings:
        acquitted: Mapping[str, Collection[datetime]] = alone
        if found.scope == DAY_SCOPE and _what(found) in explained:
            acquitted = {
                table: alone[table] | _judged(found, hours[table])
                if TABLE_OF.get(found.suite) == table
                else alone[table]
                for table in alone
            }
        said = hours_to_quarantine([found], hours=every, judged_alone=acquitted)
        for place, reasons in said.items():
            failed.setdefault(place, []).extend(reasons)
    return {place: tuple(reasons[:REASONS_KEPT]) for place, reasons in failed.items()}


def _what(found: Finding) -> tuple[str, str, str]:
    return found.suite, found.fact, found.subject


def _is_error(found: Finding) -> bool:
    return found.severity is Severity.ERROR


def _judged(found: Finding, hours: Mapping[datetime, HourFacts]) -> set[datetime]:
    """Return the hours that have the finding's fact; a feature's facts are not the table's."""
    if found.suite != TABLE_OF[found.suite]:
        return set()
    return {hour for hour, facts in hours.items() if found.fact in facts.judged}
