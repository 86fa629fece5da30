"""`evergreen incidents …`: what was and is wrong, what was said, and sending what waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from made_thread import HOUR
from typer.testing import CliRunner

from evergreen.adapters.installation import open_ledger
from evergreen.adapters.ledger import Ledger
from evergreen.cli import app
from evergreen.config.settings import settings
from evergreen.domain.alert import Alert, topic_of
from evergreen.domain.errors import (
    IncidentUnknown,
    ModelSpecInvalid,
    SlackRefused,
    SlackUnreachable,
)
from fake_slack import TOKEN, FakeSlack, fake_slack

MODEL = "shop"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["incidents", *arguments], catch_exceptions=False)


def run(*arguments: str) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def said(*arguments: str) -> dict[str, Any]:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def slack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    """An installation with one model, a token, and a workspace."""
    folder = tmp_path / "models" / MODEL
    folder.mkdir(parents=True)
    text = f'model: {MODEL}\ndescription: d\nowner: o\nslack_channel: "#shop"\n'
    (folder / "model.yaml").write_text(text)
    with fake_slack() as workspace:
        monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))
        monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
        monkeypatch.setenv("EVERGREEN_SLACK_TOKEN", TOKEN)
        monkeypatch.setenv("EVERGREEN_SLACK_URL", workspace.url)
        monkeypatch.setattr("evergreen.orchestration.delivering.PACE_S", 0.0)
        settings.cache_clear()
        yield workspace
    settings.cache_clear()


def say(ledger: Ledger, key: str, alert: Alert, text: str, **values: Any) -> None:
    values = {"severity": "warning", "topic": topic_of(alert), "send": True, "now": HOUR, **values}
    assert ledger.post(key, model=MODEL, alert=alert, text=text, **values)


@pytest.fixture
def ledger(slack: FakeSlack) -> Ledger:
    """One incident that has ended, and one that lasts; nothing was sent yet."""
    ledger = open_ledger()
    ledger.open_incident(MODEL, HOUR, evidence={"ctr": {"value": 0.1}})
    say(ledger, "a", Alert.MODEL_STALE, "shop: CTR 10 %\x1b[31m [bold]", status="noticed")
    say(ledger, "b", Alert.CHALLENGER_HELD, "shop: kept version 2", status="held: version 2 stays")
    ledger.close_incident(MODEL, outcome="HOLD: kept version 2", now=HOUR)
    ledger.open_incident(MODEL, HOUR, evidence={})
    say(ledger, "c", Alert.MODEL_STALE, "shop: CTR 9 %", status="noticed", send=False)
    return ledger


def test_nothing_ever_happened(slack: FakeSlack) -> None:
    assert run() == "all models: no incident is on record\n"
    assert said("list", "--model", MODEL) == {"incidents": [], "undelivered": []}


def test_the_list_says_what_is_how_and_what_waits(ledger: Ledger) -> None:
    found = said("list")
    keys = ("id", "state", "now", "what", "outcome", "events", "undelivered")
    assert [tuple(each[key] for key in keys) for each in found["incidents"]] == [
        (
            1,
            "ended",
            "held: version 2 stays",
            "shop: CTR 10 %\x1b[31m [bold]",
            "HOLD: kept version 2",
            2,
            2,
        ),
        (2, "open", None, "shop: CTR 9 %", None, 1, 0),
    ]
    assert found["undelivered"] == [
        {
            "model": MODEL,
            "count": 2,
            "oldest_posted_at": "2026-03-10T14:00:00+00:00",
            "last_error": None,
        }
    ]
    shown = run()
    assert "shop: CTR 10 % [31m [bold]" in shown  # neither the terminal nor rich obeys it
    assert "open: noticed" in shown
    assert (
        "shop: 2 messages wait since 2026-03-10 14:00 UTC: "
        "for their turn, or for the end of quiet hours"
    ) in shown
    assert run("list") == shown


def test_show_is_the_whole_story(ledger: Ledger) -> None:
    assert run("show", "1").splitlines()[2:] == [
        "  outcome: HOLD: kept version 2",
        "said:",
        "  2026-03-10 14:00  warning model_stale         waits shop: CTR 10 % [31m [bold]",
        "  2026-03-10 14:00  warning challenger_held     waits shop: kept version 2",
        "in Slack:",
        "  noticed     waiting    not sent yet",
        "  outcome     waiting    not sent yet",
    ]
    assert run("show", "2").splitlines()[-1] == (
        "in Slack: nothing (no token or no channel when it was said)"
    )
    body = said("show", "1")
    assert body["evidence"] == {"ctr": {"value": 0.1}}
    assert [event["alert"] for event in body["events"]] == ["model_stale", "challenger_held"]
    assert [message["topic"] for message in body["messages"]] == ["noticed", "outcome"]


def test_messages_are_all_that_was_said_the_newest_last(ledger: Ledger) -> None:
    say(ledger, "d", Alert.HOUR_LATE, "shop: an hour is late", topic=None, severity="error")
    assert run("messages", "--last", "2").splitlines() == [
        "2026-03-10 14:00  warning model_stale         kept  shop: CTR 9 %",
        "2026-03-10 14:00  error hour_late             waits shop: an hour is late",
    ]
    found = said("messages", "--model", MODEL)["messages"]
    assert [each["for_slack"] for each in found] == [True, True, False, True]
    assert ledger.newest_deliveries("other", last=5) == []


def test_an_incident_or_a_model_that_is_not_there(ledger: Ledger) -> None:
    with pytest.raises(IncidentUnknown, match="no incident 9; the newest are: 1, 2"):
        invoke("show", "9")
    with pytest.raises(ModelSpecInvalid):
        invoke("list", "--model", "nowhere")


def test_check_says_whose_token_it_is_and_which_channels_there_are(
    slack: FakeSlack, tmp_path: Path
) -> None:
    for name, channel in (("news", "#nowhere"), ("quiet", "")):
        folder = tmp_path / "models" / name
        folder.mkdir()
        text = f'model: {name}\ndescription: d\nowner: o\nslack_channel: "{channel}"\n'
        (folder / "model.yaml").write_text(text)
    assert run("check").splitlines() == [
        "the token is of evergreen in Shop",
        "  #nowhere: not found: misspelt, archived, or the app is not in it",
        "  #shop: found, C0000SHOP1",
        "  quiet names no channel: its messages are kept in the ledger",
    ]
    assert said("check")["kept_only"] == ["quiet"]
    slack.scopes_missing = {"conversations.list"}
    assert "  #shop: cannot be looked for: missing_scope" in run("check").splitlines()
    assert slack.messages == []
    slack.mode = "invalid_auth"
    with pytest.raises(SlackRefused, match="invalid_auth"):
        invoke("check")


def test_deliver_sends_what_waits(ledger: Ledger, slack: FakeSlack) -> None:
    assert run("deliver") == "2 messages sent, 0 changed, 0 still wait\n"
    assert [m["text"] for m in slack.posted()] == [
        "shop: CTR 10 % [31m [bold]",
        "shop: kept version 2",
    ]
    assert said("deliver")["posted"] == 0
    assert "  sent  shop: kept version 2" in run("show", "1")


def test_deliver_does_not_wait_for_the_next_try(ledger: Ledger, slack: FakeSlack) -> None:
    slack.mode = "token_revoked"
    with pytest.raises(SlackRefused, match="token_revoked"):
        invoke("deliver")
    assert "2 messages wait since" in run()
    assert "token_revoked" in run()
    slack.mode = "500"
    with pytest.raises(SlackUnreachable, match="HTTP 500"):
        invoke("deliver", "--model", MODEL)
    failed = invoke("deliver", "--json")
    assert failed.exit_code == 1
    assert "HTTP 500" in json.loads(failed.stdout)["unreachable"]
    slack.mode = "well"
    assert said("deliver")["posted"] == 2


def test_deliver_without_a_token_says_where_it_looks(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVERGREEN_SLACK_TOKEN")
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)
    settings.cache_clear()
    with pytest.raises(SlackRefused, match="set EVERGREEN_SLACK_TOKEN, or run this where Airflow"):
        invoke("deliver")
