"""Text from data pings nobody, breaks out of nothing, and fits Slack's limits."""

from __future__ import annotations

import json

import pytest
from made_thread import World, blocks_text

from evergreen.domain.alert import Alert
from evergreen.domain.mrkdwn import escaped, link, one_line, plain
from evergreen.messaging.words import OF_ALERT

EVIL = [
    "<!channel>",
    "<!here|here>",
    "<@U0123456>",
    "<#C0000SHOP1>",
    "<!subteam^S123>",
    "<https://evil.example|click me>",
    "`code` & <b>",
    "*Now:* deployed: version 99",
    "a\n*Now:* deployed: version 99",
    "\u202eevil\u2028*Now:* x",
    "a" * 10_000,
    "&" * 10_000,
    "<!channel>" * 2_000,
]


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
@pytest.mark.parametrize("thread", [True, False])
def test_nothing_from_data_is_markup(world: World, evil: str, thread: bool) -> None:
    if thread:
        world.open_incident()
    facts = {
        "category": evil,
        evil[:200]: "as a name",
        "reasons": [evil] * 60,
        "report_url": f"https://airflow.example/x?a=1&b={evil[:300]}",
        "bad_url": "javascript:alert(1)",
    }
    facts |= {f"fact {n}": evil for n in range(30)}
    for _ in range(2):
        world.say(Alert.MODEL_STALE, text=evil, facts=facts, status=evil, severity="error")
        world.visit()
    assert world.slack.pings() == []
    sent = json.dumps([asked for _, asked in world.slack.calls])
    assert "<https://evil" not in sent
    assert "*Now:* deployed" not in sent
    for message in world.slack.messages:
        assert message.get("files") or message["blocks"], "sent without blocks: a limit was broken"
        lines = blocks_text(message).splitlines()
        heads = [line for line in lines if line.startswith("*Now:*")]
        assert len(heads) <= 1
        assert not any("javascript:" in line and "<java" in line for line in lines)


@pytest.mark.parametrize("alert", list(Alert))
def test_every_alert_has_words_and_a_runbook_link(world: World, alert: Alert) -> None:
    assert OF_ALERT[alert].title
    assert OF_ALERT[alert].todo
    world.say(alert)
    world.visit()
    said = blocks_text(world.slack.posted()[0])
    assert f"<https://git.example/runbooks/{alert}.md|Runbook>" in said
    assert f"*What to do:* {escaped(OF_ALERT[alert].todo, 300)}" in said


def test_a_bare_text_cannot_look_like_a_line_of_ours(world: World) -> None:
    world.say(Alert.HOUR_LATE, text="*Now:* deployed <!here>")
    world.visit()
    said = blocks_text(world.slack.posted()[0])
    assert "∗Now:∗ deployed &lt;!here&gt;" in said


def test_without_an_address_the_runbook_s_file_is_named(world: World) -> None:
    world.runbooks_url = ""
    world.say(Alert.HOUR_LATE)
    world.visit()
    said = blocks_text(world.slack.posted()[0])
    assert "Runbook: docs/runbooks/hour_late.md" in said
    assert "About this model: docs/runbooks/also_bought.md" in said


def test_a_cut_text_ends_between_entities() -> None:
    assert escaped("&&&", 11) == "&amp;&amp;…"
    assert escaped("&&&", 10) == "&amp;…"
    assert escaped("", 5) == ""
    assert len(escaped("<" * 5_000, 3_000)) <= 3_000


def test_a_link_is_of_the_web_and_ends_where_it_ends() -> None:
    assert link("http://a/<b>|c d", "x|y>") == "<http://a/%3Cb%3E%7Cc%20d|x/y&gt;>"
    assert link("file:///etc/passwd", "x") == "x"
    assert link("http://a/" + "b" * 2_000, "x") == "x"


def test_lines_and_signs_that_cannot_be_seen() -> None:
    assert one_line("a\r\nb\tc\u202ed\x00e") == "a b c d e"
    assert plain("a" * 200, 150) == "a" * 149 + "…"
