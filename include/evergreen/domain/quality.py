"""What validation found, and which hours are therefore left out of training and baselines.

Facts about an hour are rows of small frames: one row an hour, or one an hour and feature, named by
`scope` and `subject`. An expectation is about one fact. A finding is one row that does not meet it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evergreen.domain.windows import hour_key

DAY_SCOPE = "day"
"""The scope of a fact about the whole day."""
TABLE_OF = {"impressions": "impressions", "features": "impressions", "orders": "orders"}
"""Which table of the lake a suite's findings put into quarantine; absent: none."""
REASONS_KEPT = 10


class Severity(StrEnum):
    """What a finding does: an error quarantines its hours, a warning is reported."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row of facts that does not meet one expectation.

    Parameters:
        suite: `impressions`, `orders`, `features`, `training` or `rows`.
        fact: the column that the expectation is about.
        scope: the hour, `2011-05-02T13`, or `day`.
        subject: the feature; empty where the fact is about the whole hour.
        observed: the value found, as text.
        expected: what the expectation says, for people.
    """

    suite: str
    fact: str
    scope: str
    subject: str
    severity: Severity
    observed: str
    expected: str

    @property
    def text(self) -> str:
        """The finding as a sentence.

        Example:
            >>> Finding(
            ...     suite="orders", fact="negative_prices", scope="2011-05-02T13", subject="",
            ...     severity=Severity.ERROR, observed="3", expected="at most 0",
            ... ).text
            'orders 2011-05-02T13: negative_prices is 3, expected at most 0'
        """
        of = f" of {self.subject}" if self.subject else ""
        where = f"{self.suite} {self.scope}"
        return f"{where}: {self.fact}{of} is {self.observed}, expected {self.expected}"


def hours_to_quarantine(
    findings: Iterable[Finding],
    *,
    hours: Mapping[str, Collection[datetime]],
    judged_alone: Mapping[str, Collection[datetime]],
) -> dict[tuple[str, datetime], tuple[str, ...]]:
    """Return the reasons for which each hour of each table is left out.

    An error about an hour quarantines that hour. An error about the day quarantines those of its
    hours that were not acquitted one by one: those too thin for the fact to be judged in them.

    Parameters:
        hours: table to the hours that were validated.
        judged_alone: table to those of them that an error about the day is not held against.

    Returns:
        (table, hour) to reasons, at most ten.
    """
    found: dict[tuple[str, datetime], list[str]] = {}
    for finding in findings:
        table = TABLE_OF.get(finding.suite)
        if table is None or finding.severity is not Severity.ERROR:
            continue
        for hour in hours.get(table, ()):
            thin = finding.scope == DAY_SCOPE and hour not in judged_alone.get(table, ())
            if thin or finding.scope == hour_key(hour):
                found.setdefault((table, hour), []).append(finding.text)
    return {key: tuple(reasons[:REASONS_KEPT]) for key, reasons in found.items()}
