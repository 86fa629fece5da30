"""What the validation of one day found, as later tasks, messages and the ledger see it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from evergreen.domain.quality import Finding, Severity
from evergreen.domain.windows import hour_key

FINDINGS_KEPT = 20  # a broken day breaks in every hour; the first ones tell, Data Docs have all
DIGEST_DIGITS = 12

Action = Literal["passed", "quarantine_hours", "alert"]
TableHour = tuple[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """What was found in one day of the lake.

    Parameters:
        run: the name of its Data Docs.
        verdict: `failed` when there is an error; warnings alone pass.
        hours, rows: closed hours and their rows, by table.
        findings: as sentences, errors first, at most twenty.
        quarantined: the hours that are in quarantine because of them: `orders 2011-05-02T13`.
        released: the hours that left quarantine, in the same spelling.
        digest: names the set of findings, whatever values were observed.
    """

    day: datetime
    run: str
    verdict: Literal["passed", "failed"]
    hours: Mapping[str, int]
    rows: Mapping[str, int]
    errors: int
    warnings: int
    findings: tuple[str, ...]
    quarantined: tuple[str, ...]
    released: tuple[str, ...]
    digest: str

    @property
    def action(self) -> Action:
        """What follows: the task of that name."""
        if self.quarantined:
            return "quarantine_hours"
        return "alert" if self.findings else "passed"

    def body(self) -> dict[str, Any]:
        """Return the report as JSON; of the same day's same events always the same.

        What left quarantine is left out: the second time nothing does.
        """
        said = {name: value for name, value in asdict(self).items() if name != "released"}
        lists = {name: list(getattr(self, name)) for name in ("findings", "quarantined")}
        return {**said, **lists, "day": self.day.isoformat(), "action": self.action}


def report_of(
    day: datetime,
    run: str,
    findings: Sequence[Finding],
    *,
    hours: Mapping[str, int],
    rows: Mapping[str, int],
    quarantined: Collection[TableHour],
    released: Collection[TableHour],
) -> DayReport:
    """Return the report of a day."""
    ordered = sorted(findings, key=lambda found: found.severity is not Severity.ERROR)
    errors = sum(found.severity is Severity.ERROR for found in findings)
    return DayReport(
        day=day,
        run=run,
        verdict="failed" if errors else "passed",
        hours=hours,
        rows=rows,
        errors=errors,
        warnings=len(findings) - errors,
        findings=tuple(found.text for found in ordered[:FINDINGS_KEPT]),
        quarantined=_spelt(quarantined),
        released=_spelt(released),
        digest=digest_of(findings),
    )


def digest_of(findings: Collection[Finding]) -> str:
    """Return what tells two sets of findings apart: which facts failed, and where."""
    names = sorted("/".join((f.severity, f.suite, f.scope, f.subject, f.fact)) for f in findings)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:DIGEST_DIGITS]


def listed(names: Sequence[str], at_most: int) -> str:
    """Return the first names, and how many more there are.

    Example:
        >>> listed(("a", "b", "c"), 2)
        'a, b and 1 more'
    """
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more


def _spelt(hours: Collection[TableHour]) -> tuple[str, ...]:
    return tuple(f"{table} {hour_key(hour)}" for table, hour in sorted(hours))
