"""Whom the gate asks, and how an answer reads."""

from __future__ import annotations

import pytest

from evergreen.domain.approval import ApprovalRecord, When, next_task

AT = "2011-05-02T13:00:00+02:00"


@pytest.mark.parametrize(
    ("when", "promote", "inconclusive"),
    [
        ("never", "promote", "hold"),
        ("inconclusive", "promote", "ask_operator"),
        ("always", "ask_operator", "ask_operator"),
    ],
)
def test_who_is_asked_about_what(when: When, promote: str, inconclusive: str) -> None:
    assert next_task("PROMOTE", when) == promote
    assert next_task("INCONCLUSIVE", when) == inconclusive
    assert next_task("HOLD", when) == "hold"


@pytest.mark.parametrize("verdict", ["PROMOTE", "INCONCLUSIVE", "HOLD"])
def test_a_replay_holds_where_it_would_have_asked(verdict: str) -> None:
    assert next_task(verdict, "always", may_ask=False) == "hold"
    asked_nobody = "promote" if verdict == "PROMOTE" else "hold"
    assert next_task(verdict, "inconclusive", may_ask=False) == asked_nobody


def test_an_answer_reads_well_and_is_kept_whole() -> None:
    record = ApprovalRecord(answer="promote", by="ann", at=AT, note="checked by hand")
    assert record.body() == {
        "answer": "promote",
        "by": "ann",
        "at": AT,
        "note": "checked by hand",
        "timed_out": False,
        "text": "approved by ann at 2011-05-02 11:00 UTC: checked by hand",
    }


def test_a_timeout_says_that_nobody_answered() -> None:
    record = ApprovalRecord(answer="hold", by=None, at=AT)
    assert record.body()["timed_out"] is True
    assert record.in_words() == (
        "nobody answered until 2011-05-02 11:00 UTC: the default, hold, was taken"
    )
