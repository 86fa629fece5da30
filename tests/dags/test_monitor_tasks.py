"""What the monitor's tasks do with a decision: live they act once, in a replay never."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException, DownstreamTasksSkipped
from dag_files import dags

from evergreen.adapters.installation import open_ledger
from evergreen.domain.alert import Alert
from evergreen.orchestration.assets import newest_request, retrain_asset
from evergreen.orchestration.monitoring import RequestRetrain, Warn
from evergreen.orchestration.notifiers import notify, report_failure

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)
DECISION = {
    "action": "request_retrain",
    "hour": "2011-05-02T12",
    "reasons": ["CTR 3.1 % is surely below 4.2 %", "fallback share 14 %"],
    "evidence": {"ctr": {"value": 0.031}},
    "sensors": ["ctr", "drift"],
    "tell": True,
    "champion": 7,
}


@pytest.fixture
def live(context: Callable[..., Any]) -> dict[str, Any]:
    return made(context, run_type="scheduled")


@pytest.fixture
def replay(context: Callable[..., Any]) -> dict[str, Any]:
    return made(context, run_type="backfill")


def made(context: Callable[..., Any], **run: Any) -> dict[str, Any]:
    events = {retrain_asset("shop"): SimpleNamespace(extra={})}
    return {**context(start=HOUR, xcoms={"decide": DECISION}, **run), "outlet_events": events}


def task(kind: type[Any], **options: Any) -> Any:
    with DAG("shop__monitor_hourly"):
        return kind(task_id=kind.__name__.lower(), **options)


def test_request_retrain_sends_the_evidence(add_model: Callable[..., str], live: Any) -> None:
    model = add_model()
    for _ in range(2):  # run again: one incident, one message
        task(RequestRetrain, outlets=[retrain_asset(model)]).execute(live)
    assert live["outlet_events"][retrain_asset(model)].extra == {
        "model": "shop",
        "hour": "2011-05-02T12",
        "champion": 7,
        "reasons": DECISION["reasons"],
        "evidence": {"ctr": {"value": 0.031}},
    }
    ledger = open_ledger()
    assert ledger.open_incident_of(model).hour == HOUR
    (delivery,) = ledger.deliveries(model)
    assert delivery.text == (
        "shop 2011-05-02T12: CTR 3.1 % is surely below 4.2 %; fallback share 14 %"
    )


def test_a_request_for_a_model_that_is_trained_elsewhere_says_who_must_act(
    add_model: Callable[..., str], live: Any
) -> None:
    model = add_model(train={"enabled": False})
    task(RequestRetrain, outlets=[retrain_asset(model)]).execute(live)
    (delivery,) = open_ledger().deliveries(model)
    assert delivery.text.endswith(
        "; fallback share 14 %; this model is trained elsewhere: team-shop must retrain it there, "
        "then run `evergreen profile make` for the new version"
    )
    extra = live["outlet_events"][retrain_asset(model)].extra
    assert extra["reasons"] == DECISION["reasons"]  # for whoever retrains on the asset's event


def test_request_retrain_in_a_replay_skips(add_model: Callable[..., str], replay: Any) -> None:
    model = add_model()
    with pytest.raises(AirflowSkipException):  # a task that skips updates no asset
        task(RequestRetrain, outlets=[retrain_asset(model)]).execute(replay)
    assert open_ledger().open_incident_of(model) is None
    assert open_ledger().deliveries(model) == []


def test_warnings_are_posted_live_only(
    add_model: Callable[..., str], live: Any, replay: Any
) -> None:
    model = add_model()
    task(Warn).execute(replay)
    assert open_ledger().deliveries(model) == []
    task(Warn).execute(live)
    assert [delivery.severity for delivery in open_ledger().deliveries(model)] == ["warning"]


@pytest.mark.parametrize(
    ("run_type", "action", "branch"),
    [
        ("scheduled", "request_retrain", "request_retrain"),
        ("scheduled", "healthy", "healthy"),
        ("backfill", "request_retrain", "warn"),
        ("backfill", "request_rollback", "warn"),
        ("backfill", "healthy", "healthy"),
    ],
)
def test_decide_branches(
    add_model: Callable[..., str],
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    run_type: str,
    action: str,
    branch: str,
) -> None:
    import evergreen.monitor.decide as module

    asked: list[bool] = []

    def decide(spec: Any, hour: datetime, *, ledger: Any, replay: bool) -> dict[str, Any]:
        asked.append(replay)
        return {**DECISION, "action": action}

    add_model()
    monkeypatch.setattr(module, "decide", decide)
    found = dags()["shop__monitor_hourly"].get_task("decide")
    run = context(start=HOUR, run_type=run_type)
    run["ti"].task = found
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        found.execute(run)
    assert asked == [run_type == "backfill"]
    everything = {"healthy", "warn", "request_retrain", "request_rollback"}
    assert {_id(task_id) for task_id in skipped.value.tasks} == everything - {branch}
    assert run["ti"].pushed["return_value"]["action"] == action


def _id(task_id: Any) -> str:
    return task_id if isinstance(task_id, str) else task_id[0]


def test_newest_request_wins() -> None:
    older = SimpleNamespace(timestamp=HOUR, extra={"hour": "2011-05-02T11"})
    newer = SimpleNamespace(timestamp=HOUR.replace(hour=13), extra={"hour": "2011-05-02T12"})
    assert newest_request([newer, older]) == {"hour": "2011-05-02T12"}
    assert newest_request([]) == {}


def test_a_message_is_posted_once(add_model: Callable[..., str]) -> None:
    model, ledger = add_model(), open_ledger()
    said = {"alert": Alert.HOUR_LATE, "model": model, "severity": "info", "text": "hello"}
    assert notify(ledger, "key", **said) is True
    assert notify(ledger, "key", **said) is False
    assert len(ledger.deliveries(model)) == 1


@pytest.mark.parametrize(("run_type", "posted"), [("scheduled", 1), ("backfill", 0)])
def test_a_failed_task_is_reported_live_only(
    add_model: Callable[..., str], context: Callable[..., Any], run_type: str, posted: int
) -> None:
    model = add_model()
    failed = context(start=HOUR, run_type=run_type)
    failed["exception"] = RuntimeError("no disk")
    failed["ti"].__dict__.update(
        dag_id="shop__retrain", task_id="train", run_id="r1", map_index=0, try_number=2
    )
    report_failure(failed)
    texts = [delivery.text for delivery in open_ledger().deliveries(model)]
    assert texts == ["shop__retrain.train failed in run r1: no disk"] * posted


def test_a_failure_that_cannot_be_posted_is_logged(
    home: Any,
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from evergreen.config.settings import settings

    monkeypatch.setenv("EVERGREEN_LEDGER_URL", "sqlite:////proc/nowhere/ledger.db")
    settings.cache_clear()
    failed = context(start=HOUR)
    failed["exception"] = RuntimeError("no disk")
    failed["ti"].__dict__.update(
        dag_id="shop__retrain", task_id="train", run_id="r1", map_index=-1, try_number=1
    )
    report_failure(failed)
    assert "shop__retrain.train failed in run r1: no disk (not posted: " in caplog.text


def test_warnings_come_once_a_day_and_requests_once_an_hour(
    add_model: Callable[..., str], context: Callable[..., Any]
) -> None:
    model = add_model()
    for hour in (12, 13):
        moment = HOUR.replace(hour=hour)
        run = {**made(context), **context(start=moment, xcoms={"decide": DECISION})}
        task(Warn).execute(run)
        task(RequestRetrain, outlets=[retrain_asset(model)]).execute(run)
    keys = [delivery.key for delivery in open_ledger().deliveries(model)]
    assert keys == [
        "shop/2011-05-02/ctr+drift/warn",
        "shop/2011-05-02T12/ctr+drift/requestretrain",
        "shop/2011-05-02T13/ctr+drift/requestretrain",
    ]


def test_what_nobody_needs_to_hear_is_not_posted(
    add_model: Callable[..., str], context: Callable[..., Any]
) -> None:
    model = add_model()
    quiet = {**DECISION, "action": "warn", "tell": False}
    task(Warn).execute(context(start=HOUR, xcoms={"decide": quiet}))
    assert open_ledger().deliveries(model) == []
