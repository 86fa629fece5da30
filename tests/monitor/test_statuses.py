"""How every model is: each state once, and one that cannot be read beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.ledger_schema import measurements
from evergreen.config.model_spec import model_folders
from evergreen.domain.alert import Alert, topic_of
from evergreen.domain.errors import LedgerUnreachable
from evergreen.domain.health import State
from evergreen.domain.windows import HOUR
from evergreen.monitor.status import ModelStatus
from evergreen.monitor.statuses import statuses
from made_models import EVIL, NEWEST, add_model, decide, every_state, measure, release


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def ask(models: Path, ledger: Ledger, *, later: timedelta = timedelta(0)) -> list[ModelStatus]:
    return statuses(model_folders(models), ledger=ledger, now=datetime.now(tz=UTC) + later)


def test_every_state_worst_first(models: Path, ledger: Ledger) -> None:
    made = every_state(models, ledger)
    found = ask(models, ledger)
    assert {said.model: str(said.state) for said in found} == made
    assert [str(said.state) for said in found] == [
        *("error", "stale", "held", "warning", "no_data", "no_champion", "probation"),
        *("healthy", "healthy"),
    ]
    by_name = {said.model: said for said in found}
    assert "did you mean owner?" in str(by_name["broken_yaml"].error)
    assert by_name["coats_homepage"].headline == "Stale since 2011-05-31 23:00 UTC: retraining"
    assert "HOLD" in by_name["basket_upsell"].headline
    assert by_name["search_ranking"].quarantined_hours == 2
    assert by_name["recently_viewed"].headline == "On probation until 2011-06-03 12:00 UTC"


def test_the_facts_of_one_model(models: Path, ledger: Ledger) -> None:
    add_model(models, "coats")
    release(ledger, "coats")
    measure(ledger, "coats", hours=48, ctr=0.06, verdict="yes", drifted=[EVIL])
    decide(ledger, "coats", "warn", "ctr: too low")
    (said,) = ask(models, ledger)
    assert said.ctr is not None
    assert (said.ctr.value, said.ctr.expected, said.ctr.clicks) == (0.06, 0.1, 120)
    assert said.drift is not None
    assert {(c.column, c.view, c.kind) for c in said.drift.columns} == {
        (EVIL, "24h", "shift"),
        (EVIL, "1h", "shift"),
    }
    assert said.champion is not None
    assert (said.champion.version, said.champion.age_days) == (1, 40.04)
    assert said.decision is not None
    assert said.decision.reasons == ["ctr: too low"]
    assert said.measured_hour == NEWEST
    assert len(said.spark.at) == 9  # every six hours of two days, and the newest one
    assert said.spark.at[-1] == int(NEWEST.timestamp())


def test_silence_is_told_after_three_hours(models: Path, ledger: Ledger) -> None:
    add_model(models, "coats")
    release(ledger, "coats")
    measure(ledger, "coats", hours=3)
    decide(ledger, "coats", "healthy")
    assert ask(models, ledger, later=timedelta(hours=2))[0].state is State.HEALTHY
    (said,) = ask(models, ledger, later=timedelta(hours=5))
    assert (said.state, said.headline) == (State.SILENT, "Nothing measured for 5 hours")
    assert ask(models, ledger, later=-timedelta(hours=9))[0].silent_hours == 0  # clocks differ


def test_a_new_champion_that_has_not_served_is_on_probation(models: Path, ledger: Ledger) -> None:
    add_model(models, "coats")
    release(ledger, "coats")
    measure(ledger, "coats", hours=3)
    decide(ledger, "coats", "healthy")
    release(ledger, "coats", 2, as_of=NEWEST)
    (said,) = ask(models, ledger)
    assert said.state is State.PROBATION
    assert said.probation is not None
    assert said.probation.until is None


def test_a_body_that_no_sensor_writes_does_not_hide_the_others(
    models: Path, ledger: Ledger
) -> None:
    for name in ("coats", "shoes"):
        add_model(models, name)
        release(ledger, name)
        measure(ledger, name, hours=2)
        decide(ledger, name, "healthy")
    ledger.put_measurement("coats", NEWEST, "ctr", verdict="no", body={"old": 1}, replay=False)
    found = ask(models, ledger)
    assert [(said.model, str(said.state)) for said in found] == [
        ("coats", "error"),
        ("shoes", "healthy"),
    ]
    assert "KeyError" in str(found[0].error)


def test_a_body_that_is_not_json_does_not_hide_the_others(models: Path, ledger: Ledger) -> None:
    for name in ("coats", "shoes"):
        add_model(models, name)
        measure(ledger, name, hours=2)
        release(ledger, name)
        decide(ledger, name, "healthy")
    with ledger._writing() as connection:
        table = measurements.name
        connection.execute(
            sa.text(f"UPDATE {table} SET body = '{{oops' WHERE model = 'coats' AND sensor = 'ctr'")
        )
    found = ask(models, ledger)
    assert [(said.model, str(said.state)) for said in found] == [
        ("coats", "error"),
        ("shoes", "healthy"),
    ]


def test_an_unreachable_ledger_is_told_once(models: Path, ledger: Ledger, tmp_path: Path) -> None:
    add_model(models, "coats")
    with pytest.raises(LedgerUnreachable):
        ask(models, Ledger(f"sqlite:///{tmp_path}/empty.db"))


def test_messages_that_wait_are_told(models: Path, ledger: Ledger) -> None:
    add_model(models, "coats")
    add_model(models, "shoes")
    for key in ("one", "two"):
        ledger.post(
            key,
            model="coats",
            severity="warning",
            text="an hour is late",
            alert=Alert.HOUR_LATE,
            topic=topic_of(Alert.HOUR_LATE),
            send=True,
            now=NEWEST,
        )
    first, _ = ledger.waiting("coats")
    ledger.not_sent(first, error="rate limited", next_at=NEWEST, surely=True)
    found = {said.model: said.undelivered for said in ask(models, ledger)}
    assert found["coats"] is not None
    assert (found["coats"].count, found["coats"].last_error) == (2, "rate limited")
    assert found["coats"].oldest_posted_at == NEWEST
    assert found["shoes"] is None


def test_what_an_incident_is_about(models: Path, ledger: Ledger) -> None:
    add_model(models, "coats")
    release(ledger, "coats")
    measure(ledger, "coats", hours=2, newest=NEWEST - HOUR)
    ledger.open_incident("coats", NEWEST, evidence={})
    assert ask(models, ledger)[0].headline == "An incident is open since 2011-05-31 23:00 UTC"
    decide(ledger, "coats", "request_retrain", "ctr: too low")
    assert ask(models, ledger)[0].headline.endswith("a retraining was asked for")
    ledger.open_run("coats", "a1", trigger="asset", manifest={})
    assert ask(models, ledger)[0].headline.endswith(": retraining")


def test_what_was_decided_about_the_old_champion_does_not_count(
    models: Path, ledger: Ledger
) -> None:
    """Between the promotion and the next hour of the monitor the request has been answered."""
    add_model(models, "coats")
    release(ledger, "coats")
    measure(ledger, "coats", hours=2)
    decide(ledger, "coats", "request_retrain", "ctr: too low")
    release(ledger, "coats", 2, as_of=NEWEST)
    (said,) = ask(models, ledger)
    assert said.state is State.PROBATION
    assert said.decision is not None
    assert said.decision.action == "request_retrain"
