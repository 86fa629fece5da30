"""The ledger, the same on SQLite and PostgreSQL: rows, time zones, first write wins, errors."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from evergreen.adapters import ledger_database
from evergreen.adapters.ledger import Ledger, StoredSketch
from evergreen.adapters.ledger_schema import HEAD, metadata, to_json
from evergreen.domain.errors import LedgerUnreachable, RunUnknown, WindowInvalid
from evergreen.domain.windows import Window

MODEL = "also_bought"
HOUR = datetime(2011, 5, 2, 13, tzinfo=UTC)


def hours(count: int) -> Window:
    return Window(HOUR, HOUR + timedelta(hours=count))


def test_migrate_makes_the_tables_that_the_code_expects(ledger: Ledger) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with ledger._reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_head_is_the_newest_migration() -> None:
    from alembic.script import ScriptDirectory

    folder = Path(ledger_database.__file__).with_name("migrations")
    assert ScriptDirectory(folder).get_current_head() == HEAD


def test_migrating_a_migrated_ledger_does_not_import_alembic(ledger_url: str) -> None:
    Ledger(ledger_url).migrate()
    code = (
        "import sys; from evergreen.adapters.ledger import Ledger; "
        "Ledger(sys.argv[1]).migrate(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, ledger_url], check=False).returncode == 0


def test_a_sketch_replaces_the_one_of_its_hour_and_profile(ledger: Ledger) -> None:
    ledger.put_sketch(MODEL, HOUR, profile="p", generation=1, sketch={"score": [1, 2]})
    ledger.put_sketch(MODEL, HOUR, profile="q", generation=1, sketch={"score": [9]})
    ledger.put_sketch("other", HOUR, profile="p", generation=1, sketch={})
    ledger.put_sketch(MODEL, HOUR, profile="p", generation=2, sketch={"score": [3, 4]})
    expected = [StoredSketch(hour=HOUR, generation=2, sketch={"score": [3, 4]})]
    assert ledger.sketches(MODEL, hours(1), profile="p") == expected


def test_a_profile_replaces_the_one_of_its_version(ledger: Ledger) -> None:
    assert ledger.profile(MODEL, "1") is None
    ledger.put_profile(MODEL, "1", {"schema": 2, "ctr": None})
    ledger.put_profile(MODEL, "theirs-7", {"schema": 2, "ctr": {"rate": 0.5}})
    ledger.put_profile("other", "1", {})
    assert ledger.profile(MODEL, "1") == {"schema": 2, "ctr": None}
    ledger.put_profile(MODEL, "1", {"schema": 3})
    assert ledger.profile(MODEL, "1") == {"schema": 3}
    assert ledger.profile(MODEL, "theirs-7") == {"schema": 2, "ctr": {"rate": 0.5}}


def test_a_ledger_of_the_first_schema_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    url = f"sqlite:///{tmp_path}/old.db"
    old = Ledger(url)
    old.migrate()
    old.put_sketch(MODEL, HOUR, profile="p", generation=1, sketch={"clicks": 1})
    config = Config()
    folder = Path(ledger_database.__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder))
    with sa.create_engine(url).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        assert not connection.dialect.has_table(connection, "profiles")
    new = Ledger(url)
    new.migrate()
    new.put_profile(MODEL, "1", {"schema": 2})
    assert new.profile(MODEL, "1") == {"schema": 2}
    assert len(new.sketches(MODEL, hours(1), profile="p")) == 1


def test_a_window_is_half_open(ledger: Ledger) -> None:
    for hour in Window(HOUR - timedelta(hours=1), HOUR + timedelta(hours=3)).hours():
        ledger.put_sketch(MODEL, hour, profile="p", generation=1, sketch={})
    found = [sketch.hour for sketch in ledger.sketches(MODEL, hours(2), profile="p")]
    assert found == [HOUR, HOUR + timedelta(hours=1)]
    assert ledger.sketches(MODEL, hours(0), profile="p") == []


def test_a_moment_of_another_zone_is_the_same_moment(ledger: Ledger) -> None:
    elsewhere = HOUR.astimezone(timezone(timedelta(hours=2)))
    ledger.put_decision(MODEL, elsewhere, action="healthy", body={}, replay=False)
    decision = ledger.decision(MODEL, HOUR)
    assert decision is not None
    assert (decision.hour, decision.hour.tzinfo) == (HOUR, UTC)
    assert decision.decided_at.tzinfo is UTC


def test_a_naive_moment_is_refused(ledger: Ledger) -> None:
    with pytest.raises((WindowInvalid, sa.exc.StatementError), match="has no time zone"):
        ledger.decision(MODEL, datetime(2011, 5, 2, 13))  # noqa: DTZ001


def test_measurements_are_one_an_hour_and_sensor(ledger: Ledger) -> None:
    later = HOUR + timedelta(hours=1)
    for hour, sensor, verdict, replay in [
        (later, "ctr", "healthy", False),
        (HOUR, "drift", "not_enough_data", False),
        (HOUR, "ctr", "healthy", True),
        (HOUR, "ctr", "alarm", False),
    ]:
        ledger.put_measurement(MODEL, hour, sensor, verdict=verdict, body={"n": 1}, replay=replay)
    found = [(m.hour, m.sensor, m.verdict, m.replay) for m in ledger.measurements(MODEL, hours(2))]
    assert found == [
        (HOUR, "ctr", "alarm", False),
        (HOUR, "drift", "not_enough_data", False),
        (later, "ctr", "healthy", False),
    ]
    assert [m.hour for m in ledger.measurements(MODEL, hours(2), "ctr")] == [HOUR, later]


def test_the_first_live_decision_of_an_hour_stays(ledger: Ledger) -> None:
    first = ledger.put_decision(MODEL, HOUR, action="warn", body={"reasons": ["a"]}, replay=False)
    again = ledger.put_decision(MODEL, HOUR, action="healthy", body={}, replay=False)
    assert again == first
    assert (again.action, again.body) == ("warn", {"reasons": ["a"]})


def test_the_newest_replayed_decision_stays_beside_the_live_one(ledger: Ledger) -> None:
    live = ledger.put_decision(MODEL, HOUR, action="request_retrain", body={}, replay=False)
    ledger.put_decision(MODEL, HOUR, action="warn", body={}, replay=True)
    replayed = ledger.put_decision(MODEL, HOUR, action="healthy", body={}, replay=True)
    assert replayed.action == "healthy"
    assert ledger.decision(MODEL, HOUR) == live
    assert ledger.decisions(MODEL) == [live]


def test_decisions_can_be_asked_for_by_hour_and_action(ledger: Ledger) -> None:
    for age, action in [(3, "request_retrain"), (2, "warn"), (1, "request_retrain")]:
        ledger.put_decision(
            MODEL, HOUR - timedelta(hours=age), action=action, body={}, replay=False
        )
    assert [d.action for d in ledger.decisions(MODEL)] == [
        "request_retrain",
        "warn",
        "request_retrain",
    ]
    since = HOUR - timedelta(hours=2)
    found = ledger.decisions(MODEL, since=since, action="request_retrain")
    assert [d.hour for d in found] == [HOUR - timedelta(hours=1)]
    assert ledger.decisions("other") == []


def test_a_run_is_opened_once_and_closed(ledger: Ledger) -> None:
    ledger.open_run(MODEL, "k1", trigger="cron", manifest={"rows": 3})
    ledger.open_run(MODEL, "k1", trigger="manual", manifest={})
    opened = ledger.run("k1")
    assert opened is not None
    assert (opened.trigger, opened.manifest, opened.verdict, opened.body) == (
        "cron",
        {"rows": 3},
        None,
        None,
    )
    ledger.close_run("k1", verdict="HOLD", version=4, body={"reasons": []})
    ledger.open_run(MODEL, "k2", trigger="asset", manifest={})
    assert [(run.run_key, run.verdict, run.version) for run in ledger.runs(MODEL)] == [
        ("k1", "HOLD", 4),
        ("k2", None, None),
    ]
    assert ledger.run("k3") is None


def test_closing_a_run_that_was_never_opened_says_so(ledger: Ledger) -> None:
    with pytest.raises(RunUnknown, match=r"run k9 is not in ledger .* freeze its window first"):
        ledger.close_run("k9", verdict="HOLD", version=None, body={})


def test_one_incident_is_open_at_most(ledger: Ledger) -> None:
    first = ledger.open_incident(MODEL, HOUR, evidence={"ctr": 0.1})
    assert ledger.open_incident(MODEL, HOUR + timedelta(hours=1), evidence={}) == first
    assert ledger.open_incident("other", HOUR, evidence={}) != first
    incident = ledger.open_incident_of(MODEL)
    assert incident is not None
    assert (incident.id, incident.hour, incident.evidence) == (first, HOUR, {"ctr": 0.1})
    ledger.close_incident(MODEL, outcome="promoted version 2")
    ledger.close_incident(MODEL, outcome="nothing is open")
    assert ledger.open_incident_of(MODEL) is None
    assert ledger.open_incident(MODEL, HOUR, evidence={}) != first
    assert [i.outcome for i in ledger.incidents(MODEL)] == ["promoted version 2", None]
    assert [i.outcome for i in ledger.incidents(last=1)] == [None]


def test_a_message_is_posted_once(ledger: Ledger) -> None:
    assert ledger.post("k", model=MODEL, severity="warning", text="CTR fell") is True
    assert ledger.post("k", model=MODEL, severity="error", text="again") is False
    assert [(d.text, d.severity, d.delivered_at) for d in ledger.deliveries(MODEL)] == [
        ("CTR fell", "warning", None)
    ]


def test_what_is_not_a_number_is_kept_as_null(ledger: Ledger) -> None:
    body = {"a": float("nan"), "b": [1.5, float("inf")], "c": np.array([1.0, np.nan])}
    ledger.put_measurement(MODEL, HOUR, "ctr", verdict="x", body=body, replay=False)
    assert ledger.measurements(MODEL, hours(1))[0].body == {
        "a": None,
        "b": [1.5, None],
        "c": [1.0, None],
    }


def test_json_spells_moments_and_refuses_the_rest() -> None:
    assert to_json({"at": HOUR, "n": np.int64(3)}) == '{"at": "2011-05-02T13:00:00+00:00", "n": 3}'
    with pytest.raises(TypeError, match="cannot hold a set"):
        to_json({"a": {1}})


def test_a_ledger_that_is_not_migrated_says_what_to_do(ledger_url: str) -> None:
    with pytest.raises(LedgerUnreachable, match=r"not migrated; run `evergreen release history`"):
        Ledger(ledger_url).champion(MODEL)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(LedgerUnreachable) as caught:
        Ledger("postgresql://me:secret@127.0.0.1:1/ledger").migrate()
    assert "postgresql+psycopg://me:***@127.0.0.1:1/ledger" in str(caught.value)
    assert "EVERGREEN_LEDGER_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url", "not a usable SQLAlchemy URL"),
        ("mysql://a:b@c/d", "mysql is neither sqlite nor postgresql"),
        ("sqlite:////dev/null/ledger.db", "sqlite:////dev/null/ledger.db"),
    ],
)
def test_a_url_that_cannot_be_a_ledger(url: str, words: str) -> None:
    with pytest.raises(LedgerUnreachable, match=words):
        Ledger(url).champion(MODEL)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("not a database, but long enough to be read as one " * 9)
    with pytest.raises(LedgerUnreachable, match="file is not a database"):
        Ledger(f"sqlite:///{tmp_path}/ledger.db").migrate()
