"""What the panel asks of the ledger, on both databases: bounded, and only what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from evergreen.adapters import ledger_overview
from evergreen.adapters.ledger import Ledger
from evergreen.domain.windows import HOUR, Window
from made_models import EVIL, NEWEST, decide, measure, profile, release

MONTH = {"length": timedelta(days=30), "step_hours": 6}


@contextmanager
def statements(ledger: Ledger) -> Iterator[list[str]]:
    """Collect the statements that the ledger is asked."""
    said: list[str] = []

    def keep(_c: object, _cursor: object, text: str, *_: object) -> None:
        said.append(text)

    sa.event.listen(ledger._engine, "before_cursor_execute", keep)
    yield said
    sa.event.remove(ledger._engine, "before_cursor_execute", keep)


def test_the_newest_facts_of_each_model(ledger: Ledger) -> None:
    for name, newest in (("coats", NEWEST), ("shoes", NEWEST - 5 * HOUR)):
        release(ledger, name)
        measure(ledger, name, hours=20, newest=newest, ctr=0.09)
        decide(ledger, name, "healthy", "as expected", hour=newest)
    release(ledger, "shoes", 2)
    models = ["coats", "shoes", "unknown"]
    newest = ledger.newest_judged(models)
    assert newest == {"coats": NEWEST, "shoes": NEWEST - 5 * HOUR}
    said = {(m.model, m.sensor): m for m in ledger.said_at(newest)}
    assert sorted(said) == [(m, s) for m in newest for s in ("ctr", "drift", "hour_counts")]
    assert said["shoes", "ctr"].hour == NEWEST - 5 * HOUR
    assert ledger.newest_decisions(models)["coats"].reasons == ["as expected"]
    champions = ledger.newest_releases(models)
    assert {name: one.version for name, one in champions.items()} == {"coats": 1, "shoes": 2}
    assert champions["shoes"].replaced_version == 1


def test_marks_are_every_six_hours_and_at_the_newest_hour(ledger: Ledger) -> None:
    release(ledger, "coats")
    measure(ledger, "coats", hours=20, ctr=0.09)
    marks = ledger.ctr_marks({"coats": NEWEST}, **MONTH)
    assert [mark.hour.hour for mark in marks] == [6, 12, 18, 23]
    assert {(mark.value, mark.expected) for mark in marks} == {(0.09, 0.1)}


def test_models_of_other_clocks_need_a_statement_of_their_own(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_overview, "HOURS_A_STATEMENT", 130)
    newest = {}
    for name, days in (("coats", 0), ("shoes", 100), ("hats", 1)):
        moment = NEWEST - timedelta(days=days)
        measure(ledger, name, hours=3, newest=moment)
        newest[name] = moment
    with statements(ledger) as said:
        marks = ledger.ctr_marks(newest, **MONTH)
    assert len([text for text in said if text.startswith("SELECT")]) == 2
    assert {mark.model: mark.hour for mark in marks} == newest


def test_a_live_decision_is_shown_before_the_replay_of_its_hour(ledger: Ledger) -> None:
    decide(ledger, "coats", "warn", "live")
    body = {"would": "healthy", "reasons": ["replayed"]}
    ledger.put_decision("coats", NEWEST, action="healthy", body=body, replay=True)
    assert ledger.newest_decisions(["coats"])["coats"].reasons == ["live"]
    log = ledger.decision_log("coats", Window.of_hour(NEWEST), limit=9)
    assert [one.reasons for one in log] == [["live"], ["replayed"]]
    ledger.put_decision("coats", NEWEST + HOUR, action="healthy", body=body, replay=True)
    assert ledger.newest_decisions(["coats"])["coats"].replay


def test_a_run_that_is_not_judged_has_no_reasons(ledger: Ledger) -> None:
    ledger.open_run("coats", "a1", trigger="manual", manifest={"reason": "why not"})
    run = ledger.newest_runs(["coats"])["coats"]
    assert (run.reasons, run.verdict, run.expected, run.requested) == ([], None, None, "why not")
    body = {"reasons": ["not better"], "expected": 3}
    ledger.close_run("a1", verdict="HOLD", version=4, body=body)
    (run,) = ledger.run_log("coats", limit=5)
    assert (run.reasons, run.verdict, run.expected) == (["not better"], "HOLD", 3)


def test_incidents_and_quarantine_that_last(ledger: Ledger) -> None:
    ledger.open_incident("coats", NEWEST, evidence={})
    ledger.open_incident("shoes", NEWEST, evidence={})
    ledger.close_incident("shoes", outcome="promoted version 2")
    for table in ("orders", "impressions"):
        ledger.quarantine("coats", table, NEWEST, generation=1, reasons=["damaged"])
    ledger.quarantine("shoes", "orders", NEWEST, generation=1, reasons=["damaged"])
    ledger.release_hour("shoes", "orders", NEWEST, by="person", reason="checked")
    models = ["coats", "shoes"]
    assert list(ledger.open_incidents(models)) == ["coats"]
    assert ledger.quarantined_hours(models) == {"coats": 1}
    assert ledger.quarantined_in("coats", Window.of_hour(NEWEST)) == [NEWEST]
    (closed,) = ledger.incident_log("shoes", limit=5)
    assert closed.outcome == "promoted version 2"


def test_counts_name_the_version_that_an_hour_was_measured_for(ledger: Ledger) -> None:
    release(ledger, "coats")
    measure(ledger, "coats", hours=3, ctr=0.09)
    ledger.put_sketch("coats", NEWEST, profile="other", generation=1, sketch={"impressions": 7})
    rows = ledger.hour_counts("coats", Window(NEWEST - HOUR, NEWEST + HOUR))
    of_newest = {row.version: row for row in rows if row.hour == NEWEST}
    assert (of_newest["1"].impressions, of_newest["1"].clicks) == (400, 36)
    assert (of_newest[None].profile, of_newest[None].impressions) == ("other", 7)
    assert len(rows) == 3


def test_the_sensor_s_numbers_and_bodies_of_some_hours(ledger: Ledger) -> None:
    measure(ledger, "coats", hours=4, verdict="yes", drifted=[EVIL])
    window = Window(NEWEST - HOUR, NEWEST + HOUR)
    said = ledger.ctr_hours("coats", window)
    assert [(one.hour, one.verdict, one.evidence, one.level) for one in said] == [
        (NEWEST - HOUR, "yes", 40.0, 9.0),
        (NEWEST, "yes", 40.0, 9.0),
    ]
    (body,) = ledger.said_of_hours("coats", "drift", [NEWEST])
    assert EVIL in {column["column"] for column in body.body["columns"]}
    assert ledger.newest_measured("coats") == NEWEST
    assert ledger.newest_measured("unknown") is None


def test_the_profile_that_a_version_was_released_with(ledger: Ledger) -> None:
    release(ledger, "coats")
    ledger.release(
        "coats",
        1,
        expected=1,
        kind="rollback",
        run_key="back",
        as_of=NEWEST,
        reason="went back",
        evidence={},
    )
    assert ledger.released_profile("coats", "1") == json.loads(json.dumps(profile()))
    for version in ("2", "none", "-1", "9" * 30, "1 OR 1"):
        assert ledger.released_profile("coats", version) is None


def test_the_number_of_statements_does_not_grow_with_the_models(ledger: Ledger) -> None:
    from evergreen.monitor.status_facts import records_of

    models = [f"m{i:02d}" for i in range(20)]
    for name in models:
        measure(ledger, name, hours=2, sketched=False)
        decide(ledger, name, "healthy")
        release(ledger, name)
        ledger.open_run(name, name, trigger="manual", manifest={})
    counts = []
    for asked in (models[:2], models):
        with statements(ledger) as said:
            found = records_of(asked, ledger)
        assert list(found) == asked
        assert all(record.measured_at and record.run for record in found.values())
        counts.append(len([text for text in said if text.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 15
