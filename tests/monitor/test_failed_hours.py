"""Which hours an error is held against, and what a report says of it."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from evergreen.adapters.ledger import Ledger
from evergreen.domain.errors import QuarantineLost
from evergreen.domain.quality import Finding, Severity
from evergreen.domain.windows import HOUR, hour_key
from evergreen.monitor.day_report import FINDINGS_KEPT, digest_of, report_of
from evergreen.monitor.failed_hours import HourFacts, failed_hours, hours_of
from evergreen.monitor.in_quarantine import require_quarantined

DAY = datetime(2011, 5, 2, tzinfo=UTC)
THIN, BAD, THICK, BLIND = (DAY + n * HOUR for n in range(4))


def facts(rows: int, *judged: str) -> HourFacts:
    return HourFacts(generation=1, rows=rows, closed=True, judged=frozenset(judged))


HOURS = {
    "orders": {
        THIN: facts(10, "prices"),
        BAD: facts(10, "prices"),
        THICK: facts(500, "prices"),
        BLIND: facts(10),
    }
}


def found(
    scope: str,
    *,
    suite: str = "orders",
    fact: str = "prices",
    subject: str = "",
    severity: Severity = Severity.ERROR,
    observed: str = "3",
) -> Finding:
    return Finding(
        suite=suite,
        fact=fact,
        scope=scope,
        subject=subject,
        severity=severity,
        observed=observed,
        expected="at most 0",
    )


def failed(*findings: Finding) -> set[datetime]:
    return {hour for _, hour in failed_hours(findings, HOURS)}


def test_an_error_of_the_day_takes_the_hours_that_were_too_thin_to_judge() -> None:
    assert failed(found("day")) == {THIN, BAD, BLIND}


def test_what_one_hour_explains_is_not_held_against_those_that_were_judged() -> None:
    assert failed(found("day"), found(hour_key(BAD))) == {BAD, BLIND}


def test_another_fact_or_a_warning_explains_nothing() -> None:
    other = found(hour_key(BAD), fact="ids")
    warning = found(hour_key(THIN), severity=Severity.WARNING)
    assert failed(found("day"), other, warning) == {THIN, BAD, BLIND}


def test_a_fact_that_a_thick_hour_does_not_have_acquits_it_not() -> None:
    assert failed(found("day", fact="ids")) == {THIN, BAD, THICK, BLIND}


def test_an_hour_with_a_warning_of_the_fact_is_not_acquitted() -> None:
    warning = found(hour_key(THICK), severity=Severity.WARNING)
    assert failed(found("day"), warning) == {THIN, BAD, THICK, BLIND}


def test_an_hour_without_rows_or_with_none_of_a_count_is_acquitted() -> None:
    frame = pl.DataFrame(
        {
            "scope": [hour_key(THIN), hour_key(BAD), hour_key(THICK), hour_key(BLIND)],
            "generation": [1, 1, 1, 1],
            "rows": [0, 5, 6, 0],
            "closed": [True] * 4,
            "readable": [True, True, True, False],
            "contract": [True, True, True, None],
            "prices": [None, 1, 0, None],
        }
    )
    hours = {"orders": hours_of(frame)}
    assert {h for _, h in failed_hours([found("day")], hours)} == {BAD, BLIND}
    explained = [found("day"), found(hour_key(BAD))]
    assert {h for _, h in failed_hours(explained, hours)} == {BAD, BLIND}


def test_the_hour_with_infinite_values_is_not_acquitted_for_its_fallbacks() -> None:
    """620 rows, 135 of them the model's: too few to judge its features, not to count them."""
    sizes = {THIN: (40, 30), BAD: (620, 135), THICK: (620, 500), BLIND: (620, 0)}
    hours = {
        "impressions": {
            hour: HourFacts(
                generation=1, rows=r, closed=True, judged=frozenset(), sound=True, own_rows=own
            )
            for hour, (r, own) in sizes.items()
        }
    }
    day = found("day", suite="features", fact="infinite", subject="co_7d", observed="135")
    hour = found(hour_key(BAD), suite="features", fact="infinite", subject="co_7d")
    assert {h for _, h in failed_hours([day, hour], hours)} == {BAD}
    share = found("day", suite="features", fact="missing_excess", subject="co_7d")
    assert {h for _, h in failed_hours([share], hours)} == {THIN, BAD}


def test_facts_of_features_are_not_the_table_s() -> None:
    hours = {"impressions": HOURS["orders"]}
    same = [
        found("day", suite="features", subject="price"),
        found(hour_key(THICK), suite="features", subject="price"),
    ]
    assert {h for _, h in failed_hours(same, hours)} == {THIN, BAD, THICK, BLIND}


def test_warnings_and_other_suites_put_nothing_aside() -> None:
    warning = found(hour_key(BAD), severity=Severity.WARNING)
    assert failed(warning, found(hour_key(BAD), suite="rows")) == set()


def test_hours_of_a_frame() -> None:
    frame = pl.DataFrame(
        {
            "scope": ["2011-05-02T00", "2011-05-02T01", "day"],
            "generation": [2, None, 2],
            "rows": [7, 0, 7],
            "closed": [True, False, False],
            "ctr": [None, None, 0.1],
        }
    )
    said = hours_of(frame)
    assert [hour_key(hour) for hour in said] == ["2011-05-02T00", "2011-05-02T01"]
    assert [(f.generation, f.rows, f.closed) for f in said.values()] == [
        (2, 7, True),
        (0, 0, False),
    ]
    assert "ctr" not in said[DAY].judged


def report(*findings: Finding, quarantined: tuple[tuple[str, datetime], ...] = ()) -> object:
    return report_of(
        DAY,
        "2011-05-02",
        findings,
        hours={"orders": 24},
        rows={"orders": 1},
        quarantined=quarantined,
        released=(),
    )


def test_a_report_says_errors_first_and_is_bounded() -> None:
    warnings = [found(f"2011-05-02T{n:02}", severity=Severity.WARNING) for n in range(23)]
    said = report(*warnings, found("day"), quarantined=(("orders", BAD),))
    assert said.findings[0].startswith("orders day: ")
    assert len(said.findings) == FINDINGS_KEPT
    assert (said.errors, said.warnings, said.verdict) == (1, 23, "failed")
    assert said.quarantined == ("orders 2011-05-02T01",)
    assert "released" not in said.body()


def test_a_digest_names_what_failed_and_not_the_values() -> None:
    one, other = found("day"), found("day", observed="4")
    assert digest_of([one]) == digest_of([other]) != digest_of([found(hour_key(BAD))])
    assert digest_of([one, found(hour_key(BAD))]) == digest_of([found(hour_key(BAD)), one])


def test_an_hour_that_is_not_in_quarantine_any_more_is_an_error(empty_world: object) -> None:
    ledger: Ledger = empty_world.ledger
    ledger.quarantine("m", "orders", BAD, generation=1, reasons=["torn"])
    (text,) = require_quarantined("m", ["orders 2011-05-02T01"], ledger)
    assert text == (
        "orders 2011-05-02T01: torn. Land it again, or release it: evergreen quarantine release "
        "--model m --table orders --hour 2011-05-02T01 --reason …"
    )
    ledger.release_hour("m", "orders", BAD, by="person", reason="known")
    (text,) = require_quarantined("m", ["orders 2011-05-02T01"], ledger)
    assert text == "orders 2011-05-02T01: released by a person: known"
    with pytest.raises(QuarantineLost, match="clear validate_day"):
        list(require_quarantined("m", ["impressions 2011-05-02T01"], ledger))
