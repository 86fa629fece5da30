"""Slack's Web API through slack-sdk: what is asked, and what each way to fail becomes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from socket import socket

import pytest

from evergreen.adapters.slack import Content, Posted, Slack
from evergreen.domain.errors import SlackRefused, SlackUnreachable
from evergreen.domain.refusal import Refusal, refusal_of
from fake_slack import TOKEN, FakeSlack, fake_slack

HELLO = Content(text="hello", blocks=())
LONG_AGO = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def workspace() -> Iterator[FakeSlack]:
    with fake_slack() as made:
        yield made


@pytest.fixture
def slack(workspace: FakeSlack) -> Slack:
    return Slack(TOKEN, url=workspace.url, timeout_s=2)


def test_who_the_token_belongs_to(slack: Slack) -> None:
    assert slack.who() == {"team": "Shop", "user": "evergreen"}


def test_post_change_find(slack: Slack, workspace: FakeSlack) -> None:
    head = slack.post("#shop", HELLO, uid="a")
    reply = slack.post(head.channel, HELLO, uid="b", thread_ts=head.ts)
    assert slack.find(head.channel, "a", since=LONG_AGO) == head
    assert slack.find(head.channel, "b", since=LONG_AGO) is None  # it is in the thread
    assert slack.find(head.channel, "b", since=LONG_AGO, thread_ts=head.ts) == reply
    assert slack.find(head.channel, "a", since=datetime.now(UTC) + timedelta(days=1)) is None
    slack.change(head, Content(text="bye", blocks=()), uid="a")
    assert [m["text"] for m in workspace.posted()] == ["bye", "hello"]


def test_a_picture_in_a_thread(slack: Slack, workspace: FakeSlack) -> None:
    head = slack.post("#shop", HELLO, uid="a")
    file = slack.attach(head, b"png", name="x.png", title="t", alt_text="what it shows")
    assert slack.find_file(head, "x.png", since=LONG_AGO) == file
    assert slack.find_file(head, "y.png", since=LONG_AGO) is None
    assert workspace.uploads[file]["content"] == b"png"


def test_a_channel_s_id_by_its_name(slack: Slack, workspace: FakeSlack) -> None:
    assert slack.channel_id("#oncall") == "C000ONCALL"  # on the second page
    assert slack.channel_id("#nowhere") is None
    workspace.scopes_missing = {"groups:read"}
    assert slack.channel_id("oncall") == "C000ONCALL"


@pytest.mark.parametrize(
    ("mode", "surely", "words"),
    [
        ("down", False, "Remote"),
        ("500", False, "HTTP 500"),
        ("429", True, "asked to wait 30 s"),
        ("internal_error", False, "internal_error"),
        ("slow", False, "timed out"),
    ],
)
def test_slack_is_away(
    slack: Slack, workspace: FakeSlack, mode: str, surely: bool, words: str
) -> None:
    workspace.mode, workspace.slow_s = mode, 5.0
    with pytest.raises(SlackUnreachable) as caught:
        slack.post("#shop", HELLO, uid="a")
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert caught.value.surely is surely
    sent = [method for method, _ in workspace.calls if method == "chat.postMessage"]
    assert len(sent) <= 1  # slack-sdk does not send again


def test_nobody_listens_there() -> None:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(SlackUnreachable) as caught:
        Slack(TOKEN, url=url).post("#shop", HELLO, uid="a")
    assert caught.value.surely


def test_slack_says_no(slack: Slack, workspace: FakeSlack) -> None:
    with pytest.raises(SlackRefused) as caught:
        slack.post("#nowhere", HELLO, uid="a")
    assert (caught.value.code, str(caught.value)) == (
        "channel_not_found",
        "Slack: chat.postMessage: channel_not_found",
    )
    with pytest.raises(SlackRefused, match="invalid_auth"):
        Slack("xoxb-other", url=workspace.url).who()
    with pytest.raises(SlackRefused, match="message_not_found"):
        slack.change(Posted(channel="C0000SHOP1", ts="1.0"), HELLO, uid="a")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("token_revoked", Refusal.TOKEN),
        ("account_inactive", Refusal.TOKEN),
        ("not_in_channel", Refusal.CHANNEL),
        ("invalid_blocks", Refusal.CONTENT),
        ("thread_not_found", Refusal.THREAD),
        ("missing_scope", Refusal.RIGHTS),
        ("a_code_of_next_year", Refusal.RIGHTS),
    ],
)
def test_who_can_mend_it(code: str, kind: Refusal) -> None:
    assert refusal_of(code) is kind
