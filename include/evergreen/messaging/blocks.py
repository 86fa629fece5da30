"""What a message shows in Slack: Block Kit, from what was said and its facts.

Every value comes from data and is escaped: it pings nobody and cannot pass for a line of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from evergreen.adapters.ledger import Delivery
from evergreen.adapters.slack import Content
from evergreen.domain.alert import Alert, Topic
from evergreen.domain.mrkdwn import escaped, link, plain
from evergreen.messaging.told import Told
from evergreen.messaging.words import words_of

HEADER_LENGTH, SECTION_LENGTH, FIELD_LENGTH = 150, 3_000, 300
MAX_FIELDS, MAX_REASONS, REASON_LENGTH = 10, 6, 400
LATE = timedelta(minutes=10)
_SIGNS = {
    "error": ":red_circle:",
    "warning": ":large_yellow_circle:",
    "info": ":large_blue_circle:",
}
_ENDED = ":white_check_mark:"
_HIDDEN = ("dag",)  # facts that decide where a message goes, and tell nobody anything


def content_of(told: Told) -> Content:
    """Return what Slack is to show."""
    text = escaped(told.last.text, SECTION_LENGTH)
    return Content(text=text, blocks=tuple(_blocks(told)))


def _blocks(told: Told) -> Iterator[dict[str, Any]]:
    message, facts = told.message, _facts(told.first)
    newest = facts if told.count == 1 or told.head else _facts(told.last)
    topic = Topic(message.topic) if message.topic else None
    words = words_of(_alert(told.first), topic)
    ended = told.head and told.ended
    sign = _ENDED if ended else _SIGNS[message.severity]
    name = (words.ended if ended else "") or words.title
    title = f"{sign} {plain(f'{message.model}: {name}', HEADER_LENGTH - len(sign) - 1)}"
    if told.head:
        yield {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": True}}
    else:
        yield _section(f"{sign} *{escaped(words.title, HEADER_LENGTH)}*")
    if told.head and message.status:
        yield _section(f"*Now:* {escaped(message.status, FIELD_LENGTH)}")
    if fields := list(_fields(newest)):
        shown = [_mrkdwn(field) for field in fields[:MAX_FIELDS]]
        yield {"type": "section", "fields": shown}
    reasons = newest.get("reasons")
    if isinstance(reasons, list):
        if new := [reason for reason in reasons if reason not in told.reasons_told]:
            yield _section(_bullets(new))
    elif not fields:
        said = told.first.text if told.head else told.last.text
        yield _section(escaped(said, SECTION_LENGTH))
    if told.count > 1:
        yield _section(_again(told))
    links = list(_links({**newest, **_facts(told.last)}))
    if not ended and words.todo:
        yield _section(f"*What to do:* {escaped(newest.get('todo') or words.todo, FIELD_LENGTH)}")
    yield {"type": "context", "elements": [_mrkdwn(_joined([*links, *_small(told)]))]}


def _joined(parts: Sequence[str]) -> str:
    """Join whole parts, as many as there is room for: a link that is cut is none."""
    text = ""
    for part in parts:
        longer = f"{text} · {part}" if text else part
        text = longer if len(longer) <= SECTION_LENGTH else text
    return text


def _alert(event: Delivery) -> Alert | None:
    """Return what kind of message it is; None of one that this version does not know."""
    return Alert(event.alert) if event.alert in list(Alert) else None


def _fields(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield label and value of each fact that is one value."""
    for name, value in facts.items():
        if name in ("reasons", "todo", *_HIDDEN) or name.endswith("_url") or value is None:
            continue
        if isinstance(value, str | int | float):
            yield f"*{_label(name)}*\n{escaped(str(value), FIELD_LENGTH)}"


def _bullets(lines: Sequence[Any]) -> str:
    shown = [f"• {escaped(str(line), REASON_LENGTH)}" for line in lines[:MAX_REASONS]]
    rest = len(lines) - MAX_REASONS
    return "\n".join([*shown, *([f"• and {rest} more"] if rest > 0 else [])])


def _again(told: Told) -> str:
    """Say how often, and what the newest said where that is something else than what is shown."""
    newest = _facts(told.last).get("reasons")
    said = "; ".join(map(str, newest)) if isinstance(newest, list) else told.last.text
    seen = f"*Seen {told.count} times*, last {told.last.posted_at:%Y-%m-%d %H:%M} UTC"
    if not told.head or newest == _facts(told.first).get("reasons"):
        return seen
    return f"{seen}: {escaped(said, REASON_LENGTH)}"


def _links(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if name.endswith("_url") and isinstance(value, str) and value:
            yield link(value, _label(name.removesuffix("_url")))


def _small(told: Told) -> Iterator[str]:
    """Yield what stands small below: runbooks, and when it was said."""
    alert = told.first.alert
    if alert:
        page = f"{alert}.md"
        base = told.runbooks_url.rstrip("/")
        yield link(f"{base}/{page}", "Runbook") if base else f"Runbook: docs/runbooks/{page}"
    if told.head and told.runbook.startswith(("http://", "https://")):
        yield link(told.runbook, "About this model")
    elif told.head and told.runbook:
        yield f"About this model: {escaped(told.runbook, FIELD_LENGTH)}"
    if told.message.incident is not None and told.head:
        yield f"Incident {told.message.incident}"
    said_at = told.first.posted_at
    late = " (arrived late)" if told.shown_at - said_at > LATE else ""
    yield f"{said_at:%Y-%m-%d %H:%M} UTC{late}"


def _label(name: str) -> str:
    words = escaped(name.replace("_", " ").replace("*", ""), 40)
    return words[:1].upper() + words[1:]


def _facts(event: Delivery) -> dict[str, Any]:
    return event.facts or {}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text[:SECTION_LENGTH], "verbatim": True}
