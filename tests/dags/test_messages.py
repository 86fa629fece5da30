"""Messages on their way from a task to Slack, and what the delivering DAG does with the rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from made_thread import blocks_text

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.config.settings import settings
from evergreen.domain.alert import Alert
from evergreen.orchestration.assets import retrain_asset
from evergreen.orchestration.delivering import DeliverMessages
from evergreen.orchestration.monitoring import RequestRetrain, Warn
from evergreen.orchestration.notifiers import notify, report_failure
from evergreen.orchestration.retraining import FreezeWindow
from evergreen.orchestration.telling import tell_held, tell_promoted, tell_started, tell_verdict
from evergreen.orchestration.validating import AlertDay
from fake_slack import TOKEN, FakeSlack, fake_slack

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)
CTR = {
    "ctr": {"value": 0.1063, "lower": 0.102, "upper": 0.111, "trials": 9_000},
    "expected": 0.1631,
    "since": "2011-05-01T08",
    "evidence": 14.24,
    "level": 9.1,
    "reason": "CTR 10.63 %",
}
DECISION = {
    "action": "request_retrain",
    "hour": "2011-05-02T12",
    "reasons": ["ctr: CTR 10.63 %, expected 16.31 % (-35 %)", "fallback share 14 % <!channel>"],
    "evidence": {"ctr": CTR},
    "sensors": ["ctr"],
    "tell": True,
    "champion": 2,
}
VERDICT = {
    "verdict": "PROMOTE",
    "run_key": "0123456789abcdef",
    "version": 3,
    "expected": 2,
    "reasons": ["gain in NDCG@5 +0.0691 (0.0571 to 0.0811)", "log loss no worse"],
}
FROZEN = {
    "run_key": VERDICT["run_key"],
    "window": {"start": "2011-04-04T12:00:00+00:00", "end": "2011-05-02T12:00:00+00:00"},
}


@pytest.fixture
def slack(home: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    """A workspace that this installation has a token for."""
    with fake_slack() as workspace:
        monkeypatch.setenv("EVERGREEN_SLACK_TOKEN", TOKEN)
        monkeypatch.setenv("EVERGREEN_SLACK_URL", workspace.url)
        settings.cache_clear()
        yield workspace


@pytest.fixture
def shop(slack: FakeSlack, add_model: Callable[..., str]) -> str:
    return add_model(slack_channel="#shop")


def say(model: str, key: str = "k", alert: Alert = Alert.HOUR_LATE, **said: Any) -> bool:
    return notify(
        open_ledger(),
        key,
        alert=alert,
        model=model,
        **{"severity": "warning", "text": "hello", **said},
    )


def deliver() -> dict[str, Any]:
    with DAG("evergreen__deliver"):
        return DeliverMessages(task_id="deliver_messages").execute({})


def run_of(context: Callable[..., Any], kind: type[Any], run_type: str = "scheduled") -> Any:
    events = {retrain_asset("shop"): SimpleNamespace(extra={})}
    made = context(start=HOUR, run_type=run_type, xcoms={"decide": DECISION})
    with DAG("shop__monitor_hourly"):
        return kind(task_id=kind.__name__.lower()).execute({**made, "outlet_events": events})


def test_a_message_is_sent_at_once(shop: str, slack: FakeSlack) -> None:
    assert say(shop) is True
    assert say(shop) is False
    assert [m["text"] for m in slack.posted()] == ["hello"]
    with pytest.raises(AirflowSkipException, match="no message waits"):
        deliver()


def test_without_a_token_messages_are_printed_and_kept(
    add_model: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = add_model(slack_channel="#shop")
    with caplog.at_level(logging.INFO):
        assert say(model) is True
    assert "hello" in caplog.text
    ledger = open_ledger()
    assert [d.text for d in ledger.deliveries(model)] == ["hello"]
    assert ledger.undelivered() == []
    with fake_slack() as workspace:  # a token that comes later brings no flood
        monkeypatch.setenv("EVERGREEN_SLACK_TOKEN", TOKEN)
        monkeypatch.setenv("EVERGREEN_SLACK_URL", workspace.url)
        settings.cache_clear()
        say(model, "k2", text="from now on")
        assert [m["text"] for m in workspace.posted()] == ["from now on"]


def test_without_a_channel_messages_are_kept(
    slack: FakeSlack, add_model: Callable[..., str]
) -> None:
    say(add_model())
    assert slack.calls == []
    assert open_ledger().undelivered() == []


@pytest.mark.parametrize("mode", ["down", "500", "429", "invalid_auth", "channel_not_found"])
def test_slack_s_faults_fail_no_task(shop: str, slack: FakeSlack, mode: str) -> None:
    slack.mode = mode
    began = time.monotonic()
    assert say(shop) is True
    assert time.monotonic() - began < 20
    (waiting,) = open_ledger().undelivered(shop)
    assert (waiting.count, TOKEN in str(waiting.last_error)) == (1, False)


def test_a_slow_slack_holds_a_task_up_for_seconds_only(shop: str, slack: FakeSlack) -> None:
    slack.mode, slack.slow_s = "slow", 60.0
    began = time.monotonic()
    for number in range(3):
        say(shop, f"k{number}")
    assert time.monotonic() - began < 20  # the second and third do not even ask


def test_the_delivering_dag_sends_the_rest(
    shop: str, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergreen.orchestration.delivering.PACE_S", 0.0)
    slack.mode = "500"
    for number in range(3):
        say(shop, f"k{number}", text=f"message {number}")
    slack.mode = "well"
    _an_hour_passes(monkeypatch)
    assert deliver()["posted"] == 3
    assert [m["text"] for m in slack.posted()] == ["message 0", "message 1", "message 2"]


def test_the_delivering_dag_waits_for_slack_and_fails_for_people(
    shop: str, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack.mode = "500"
    say(shop)
    _an_hour_passes(monkeypatch)
    assert "HTTP 500" in deliver()["unreachable"]
    slack.mode = "token_revoked"
    _an_hour_passes(monkeypatch, 2)
    with pytest.raises(
        AirflowFailException, match=r"until somebody mends this: Slack: \S+ token_revoked"
    ):
        deliver()
    monkeypatch.delenv("EVERGREEN_SLACK_TOKEN")
    settings.cache_clear()
    _an_hour_passes(monkeypatch, 3)
    with pytest.raises(AirflowFailException, match="set the password of the connection slack_def"):
        deliver()


def test_a_token_that_cannot_be_seen_just_now_loses_no_message(
    shop: str, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(shop)
    with monkeypatch.context() as patched:
        patched.delenv("EVERGREEN_SLACK_TOKEN")
        settings.cache_clear()
        say(shop, "k2", text="in between")
        assert open_ledger().undelivered(shop)[0].count == 1
    settings.cache_clear()
    say(shop, "k3", text="afterwards")
    assert [m["text"] for m in slack.posted()] == ["hello", "in between", "afterwards"]


def test_the_token_of_airflow_s_connection(
    home: Any, add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_slack() as workspace:
        monkeypatch.setenv(
            "AIRFLOW_CONN_SLACK_DEFAULT",
            f'{{"conn_type": "slack", "password": "{TOKEN}", '
            f'"extra": {{"base_url": "{workspace.url}"}}}}',
        )
        say(add_model(slack_channel="#shop"))
        assert [m["text"] for m in workspace.posted()] == ["hello"]


def test_the_token_is_in_no_log(
    shop: str, slack: FakeSlack, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for number, mode in enumerate(["well", "500", "down", "invalid_auth"]):
            slack.mode = mode
            say(shop, f"k{number}")
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(settings())


def test_a_replay_sends_nothing(shop: str, slack: FakeSlack, context: Callable[..., Any]) -> None:
    run_of(context, Warn, "backfill")
    with pytest.raises(AirflowSkipException):
        run_of(context, RequestRetrain, "backfill")
    with DAG("shop__retrain"), pytest.raises(AirflowSkipException, match="a replay trains and"):
        FreezeWindow(task_id="freeze_window").execute(context(start=HOUR, run_type="backfill"))
    failed = context(start=HOUR, run_type="backfill")
    failed["exception"] = RuntimeError("no disk")
    report_failure(failed)
    day = {"run": "2011-05-01", "day": "2011-05-01T00:00:00+00:00", "errors": 1, "warnings": 0}
    report = {**day, "findings": ["x"], "quarantined": [], "digest": "d"}
    made = context(start=HOUR, run_type="backfill", xcoms={"validate_day": {"days": [report]}})
    with DAG("shop__validate_nightly"):
        AlertDay(task_id="alert").execute(made)
    assert slack.calls == []
    assert open_ledger().deliveries(shop) == []


def test_an_incident_from_notice_to_deployment(
    shop: str,
    slack: FakeSlack,
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/")
    for hour in range(3):
        at = HOUR + timedelta(hours=hour)
        made = context(start=at, xcoms={"decide": DECISION})
        events = {retrain_asset("shop"): SimpleNamespace(extra={})}
        with DAG("shop__monitor_hourly"):
            RequestRetrain(task_id=f"request_{hour}").execute({**made, "outlet_events": events})
    ledger = open_ledger()
    tell_started(shop, FROZEN, ledger, run="https://airflow.example/dags/shop__retrain/runs/r")
    tell_verdict(spec_of(shop), "promote", VERDICT, form=None)
    tell_promoted(shop, 3, VERDICT, VERDICT["reasons"], ledger)
    ledger.close_incident(shop, outcome="promoted version 3")
    (thread,) = slack.threads()
    head, *replies = [blocks_text(message) for message in thread]
    assert head.splitlines()[:9] == [
        ":white_check_mark: shop: model was stale",
        "*Now:* deployed: version 3",
        "*CTR*",
        "10.63% (between 10.20% and 11.10%)",
        "*Expected*",
        "16.31%, so it is -35%",
        "*Most likely since*",
        "2011-05-01 08:00 UTC",
        "*How sure*",
    ]
    assert "*Seen 3 times*" in head
    assert slack.pings() == []
    started, verdict, deployed = replies
    assert "<https://airflow.example/dags/shop__retrain/runs/r|Airflow run>" in started
    assert "*the challenger won*" in verdict
    assert "gain in NDCG@5 +0.0691" in verdict
    report = "https://airflow.example/evergreen/reports/shop/0123456789abcdef/2"
    assert f"<{report}|Report>" in verdict
    assert "gain in NDCG@5" not in deployed
    assert "*Serves*\nversion 3" in deployed


def test_a_held_challenger_and_a_question_without_an_incident(shop: str, slack: FakeSlack) -> None:
    spec, ledger = spec_of(shop), open_ledger()
    tell_started(shop, FROZEN, ledger, run=None)
    tell_verdict(spec, "promote", VERDICT, form=None)
    tell_verdict(spec, "hold", VERDICT, form=None)
    assert slack.posted() == []
    tell_verdict(spec, "ask_operator", VERDICT, form="https://airflow.example/required_actions")
    tell_held(shop, "version 2", {**VERDICT, "verdict": "HOLD"}, ["no gain"], ledger)
    asked, held = map(blocks_text, slack.posted())
    assert "waits for your answer" in asked
    assert "<https://airflow.example/required_actions|Answer>" in asked
    assert "*Waits for*\n1d, then hold" in asked
    assert "• no gain" in held


def _an_hour_passes(monkeypatch: pytest.MonkeyPatch, hours: int = 1) -> None:
    later = datetime.now(UTC) + timedelta(hours=hours)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return later

    monkeypatch.setattr("evergreen.orchestration.delivering.datetime", Clock)
    monkeypatch.setattr("evergreen.messaging.courier.datetime", Clock)
