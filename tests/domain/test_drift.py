"""From columns to the model: importance adds up once a column, and missing data is never 'no'."""

from __future__ import annotations

import pytest

from evergreen.domain.column_drift import ColumnDrift
from evergreen.domain.drift import DriftJudgement, judge_drift
from evergreen.domain.verdict import Verdict

YES, NO, UNSURE = Verdict.YES, Verdict.NO, Verdict.NOT_ENOUGH_DATA


def column(
    name: str,
    verdict: Verdict,
    importance: float,
    *,
    view: str = "24h",
    psi: float | None = 0.3,
    reason: str = "PSI 0.30",
) -> ColumnDrift:
    return ColumnDrift(
        column=name,
        view=view,
        verdict=verdict,
        kind="shift" if verdict is YES else None,
        reason=reason,
        importance=importance,
        rows=1_000,
        reference_rows=10_000,
        psi=psi,
    )


def judge(*columns: ColumnDrift, least: float = 0.10) -> DriftJudgement:
    return judge_drift(columns, min_importance=least, impressions=1_000, min_impressions=30)


def test_a_column_that_the_model_rests_on() -> None:
    said = judge(column("price", YES, 0.2), column("age", NO, 0.8))
    assert said.verdict is YES
    assert said.reason == (
        "drifted: price (24h shift: PSI 0.30); it holds 20% of what the model rests on"
    )
    assert (said.importance, said.min_importance) == (0.2, 0.10)
    assert [c.column for c in said.columns] == ["price", "age"]


def test_a_column_that_it_does_not_rest_on_is_told_and_triggers_nothing() -> None:
    said = judge(column("noise", YES, 0.0), column("price", NO, 1.0))
    assert said.verdict is NO
    assert said.reason == (
        "drifted: noise (24h shift: PSI 0.30), but it holds 0% of what the model rests on, "
        "10% needed"
    )


def test_small_columns_add_up() -> None:
    two = [column("a", YES, 0.06), column("b", YES, 0.05), column("c", NO, 0.89)]
    assert judge(*two).verdict is YES
    assert "they hold 11%" in judge(*two).reason
    assert judge(*two, least=0.12).verdict is NO


def test_exactly_the_needed_importance() -> None:
    assert judge(column("a", YES, 0.10), column("b", NO, 0.9)).verdict is YES


def test_a_column_counts_once_whichever_view_found_it() -> None:
    both = [column("a", YES, 0.06, view="24h"), column("a", YES, 0.06, view="1h")]
    said = judge(*both, column("b", NO, 0.9))
    assert (said.verdict, said.importance) == (NO, 0.06)
    assert said.reason.count("a (24h") == 1
    one = judge(column("a", NO, 0.2), column("a", YES, 0.2, view="1h"))
    assert (one.verdict, one.importance) == (YES, 0.2)
    assert "a (1h shift" in one.reason


def test_outputs_hold_everything() -> None:
    said = judge(column("score", YES, 1.0), column("price", YES, 0.4))
    assert said.importance == pytest.approx(1.4)
    assert said.reason.endswith("they hold 100% of what the model rests on")


def test_the_most_important_are_named() -> None:
    said = judge(*(column(f"f{i}", YES, i / 10) for i in range(1, 6)))
    assert [name in said.reason for name in ("f1 ", "f2 ", "f3 ", "f4 ", "f5 ")] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert "and 2 more" in said.reason


def test_nothing_has_drifted() -> None:
    said = judge(column("a", NO, 0.5, psi=0.02), column("b", NO, 0.5, psi=0.05, view="1h"))
    assert (said.verdict, said.reason) == (NO, "largest PSI 0.05 in b over 1h")
    assert judge(column("a", NO, 1.0, psi=None)).reason == "largest PSI 0.00 in a over 24h"


def test_no_profile() -> None:
    said = judge()
    assert said.verdict is UNSURE
    assert said.reason == "no reference profile to compare with"


def test_what_could_be_judged_holds_too_little() -> None:
    blind = [column("a", UNSURE, 0.9, reason="no rows"), column("b", NO, 0.05)]
    said = judge(*blind)
    assert (said.verdict, said.reason) == (UNSURE, "a: no rows")
    drifted = judge(blind[0], column("b", YES, 0.05))
    assert drifted.verdict is UNSURE  # the rest may have drifted as well
    assert judge(column("a", UNSURE, 0.8), column("b", NO, 0.2)).verdict is NO


def test_one_blind_view_does_not_hide_the_other() -> None:
    assert judge(column("a", UNSURE, 1.0, view="1h"), column("a", NO, 1.0)).verdict is NO
    assert judge(column("a", UNSURE, 1.0), column("a", YES, 1.0, view="1h")).verdict is YES


def test_a_closed_or_thin_hour_never_alarms_whatever_the_day_before_it_looked_like() -> None:
    columns = [column("price", YES, 0.9)]
    said = judge_drift(columns, min_importance=0.1, impressions=29, min_impressions=30)
    assert (said.verdict, said.reason) == (UNSURE, "29 impressions in the newest hour, 30 needed")
    assert said.columns == tuple(columns)  # what the day looked like is told all the same
    assert (
        judge_drift(columns, min_importance=0.1, impressions=30, min_impressions=30).verdict is YES
    )
