"""Which hours a day's findings put into quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from evergreen.domain.windows import hour_key, parse_hour

ALONE_ROWS = 500
"""A fact that an hour has is judged in that hour alone where it is made of so many rows."""
COUNTED_IN_FEATURES = frozenset({"infinite"})
"""Facts of features that are counted in every hour, however few rows it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourFacts:
    """What is needed of one hour of one table.

    Parameters:
        generation: the one that was judged; 0 where the hour is not closed, or nobody can tell.
        judged: the facts that it has: those that apply to it.
        none: the counts that are 0 in it.
        sound: whether it could be read and is as the contract says.
        own_rows: rows that the champion served, of which the facts of features are made.
    """

    generation: int
    rows: int
    closed: bool
    judged: frozenset[str]
    none: frozenset[str] = frozenset()
    sound: bool = False
    own_rows: int = 0


def hours_of(facts: pl.DataFrame) -> dict[datetime, HourFacts]:
    """Return the hours of a table's frame of facts."""
    rows = facts.filter(pl.col("scope") != DAY_SCOPE).iter_rows(named=True)
    return {
        parse_hour(row["scope"]): HourFacts(
            generation=row["generation"] or 0,
            rows=row["rows"] or 0,
            closed=bool(row["closed"]),
            judged=frozenset(fact for fact, value in row.items() if value is not None),
            none=frozenset(fact for fact, value in row.items() if value == 0 and _is_count(value)),
            sound=bool(row.get("readable") and row.get("contract")),
            own_rows=row.get("own_rows") or 0,
        )
        for row in rows
    }


def failed_hours(
    findings: Sequence[Finding], hours: Mapping[str, Mapping[datetime, HourFacts]]
) -> dict[tuple[str, datetime], tuple[str, ...]]:
    """Return the hours that fail, with their reasons: `hours_to_quarantine` for each finding.

    An error about the day is held against its hours but for those that cannot have caused it or in
    which the same fact was judged: an hour without rows; one in which the count is 0; one that has
    the fact, made of `ALONE_ROWS` rows; and, where an error of the same fact about an hour explains
    the day's, every one that has the fact. An hour with a warning of that fact is not acquitted.
    """
    every = {table: list(of) for table, of in hours.items()}
    explained = {_what(f) for f in findings if _is_error(f) and f.scope != DAY_SCOPE}
    suspected: dict[tuple[str, str, str], set[str]] = {}
    for found in findings:
        if not _is_error(found):
            suspected.setdefault(_what(found), set()).add(found.scope)
    failed: dict[tuple[str, datetime], list[str]] = {}
    for found in findings:
        acquitted = {
            table: {
                hour
                for hour, facts in of.items()
                if hour_key(hour) not in suspected.get(_what(found), ())
                and _is_acquitted(found, facts, explained=_what(found) in explained)
            }
            for table, of in hours.items()
        }
        said = hours_to_quarantine([found], hours=every, judged_alone=acquitted)
        for place, reasons in said.items():
            failed.setdefault(place, []).extend(reasons)
    return {place: tuple(reasons[:REASONS_KEPT]) for place, reasons in failed.items()}


def _what(found: Finding) -> tuple[str, str, str]:
    return found.suite, found.fact, found.subject


def _is_error(found: Finding) -> bool:
    return found.severity is Severity.ERROR


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_acquitted(found: Finding, facts: HourFacts, *, explained: bool) -> bool:
    """Return whether the finding, about the day, cannot be held against an hour."""
    if facts.closed and facts.sound and not facts.rows:
        return True
    if found.suite == TABLE_OF.get(found.suite):
        has = found.fact in facts.judged
        return found.fact in facts.none or (has and (explained or facts.rows >= ALONE_ROWS))
    if not facts.sound:
        return False
    if explained and found.fact in COUNTED_IN_FEATURES:
        return True
    return not facts.own_rows or facts.own_rows >= ALONE_ROWS
