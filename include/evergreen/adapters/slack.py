"""Slack's Web API, through slack-sdk: post, change, attach a picture, and look what is there.

Nothing is sent again by itself: slack-sdk's own retries are off, because a request whose answer was
lost may have been carried out, and only the outbox knows how to find out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from evergreen.adapters.secret_free import secret_free
from evergreen.domain.errors import SlackRefused, SlackUnreachable

SLACK_URL = "https://slack.com/api/"
TIMEOUT_S = 10
EVENT = "evergreen_message"  # the type of the metadata that carry a message's uid
PAGE_SIZE, MAX_PAGES = 200, 10
DEFAULT_RETRY_AFTER_S = 30
MAX_CODE = 60  # characters of an error's name
FAULTS = {  # of Slack's own: the same request may succeed later
    *("internal_error", "fatal_error", "service_unavailable", "request_timeout"),
    *("team_added_to_org", "org_login_required", "update_failed"),
}
_quiet = logging.getLogger("evergreen.slack_sdk")
_quiet.setLevel(logging.CRITICAL + 1)  # every failure is an error here, told by who asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a message is: Slack's id of the channel, and the message's own."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message shows: blocks, and a text for notifications and where blocks are not shown."""

    text: str
    blocks: tuple[dict[str, Any], ...]

    def without_blocks(self) -> Content:
        """Return the text alone."""
        return Content(text=self.text, blocks=())


class Slack:
    """One workspace, as the bot that the token belongs to.

    Raises:
        SlackUnreachable: by every method: no answer, a fault of Slack's, or too many requests.
        SlackRefused: by every method: Slack says no.
    """

    def __init__(self, token: str, *, url: str = "", timeout_s: int = TIMEOUT_S) -> None:
        self._client = WebClient(
            token=token,
            base_url=url or SLACK_URL,
            timeout=timeout_s,
            retry_handlers=[],
            logger=_quiet,
        )

    def who(self) -> dict[str, str]:
        """Return the workspace and the bot that the token belongs to."""
        said = _ask(self._client.auth_test)
        return {"team": str(said.get("team")), "user": str(said.get("user"))}

    def post(
        self, channel: str, content: Content, *, uid: str, thread_ts: str | None = None
    ) -> Posted:
        """Post a message, into a thread or not; `uid` goes along where nobody sees it."""
        said = _ask(
            self._client.chat_postMessage,
            channel=channel,
            thread_ts=thread_ts,
            unfurl_links=False,
            unfurl_media=False,
            **_shown(content, uid),
        )
        return Posted(channel=str(said["channel"]), ts=str(said["ts"]))

    def change(self, at: Posted, content: Content, *, uid: str) -> None:
        """Let a message show something else. Doing it again does nothing."""
        _ask(
            self._client.chat_update,
            channel=at.channel,
            ts=at.ts,
            **_shown(content, uid),
        )

    def attach(
        self, thread: Posted, picture: bytes, *, name: str, title: str, alt_text: str
    ) -> str:
        """Put a PNG into a thread and return its id."""
        said = _ask(
            self._client.files_upload_v2,
            channel=thread.channel,
            thread_ts=thread.ts,
            content=picture,
            filename=name,
            title=title,
            alt_txt=alt_text,
        )
        return str(said["files"][0]["id"])

    def find(
        self, channel: str, uid: str, *, since: datetime, thread_ts: str | None = None
    ) -> Posted | None:
        """Return where a message is, if it was posted since; needs the right to read the channel.

        Args:
            channel: its id.
        """
        for message in self._messages(channel, since, thread_ts):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT and payload.get("uid") == uid:
                return Posted(channel=channel, ts=str(message["ts"]))
        return None

    def find_file(self, thread: Posted, name: str, *, since: datetime) -> str | None:
        """Return the id of a picture that is in a thread; needs the right to read the channel."""
        for message in self._messages(thread.channel, since, thread.ts):
            for file in message.get("files") or ():
                if file.get("name") == name:
                    return str(file["id"])
        return None

    def channel_id(self, name: str) -> str | None:
        """Return the id of a channel that is known by its name; needs the right to list channels.

        Without the right to list private ones the public ones are looked through.
        """
        try:
            return self._listed_id(name, "public_channel,private_channel")
        except SlackRefused as error:
            if error.code != "missing_scope":
                raise
            return self._listed_id(name, "public_channel")

    def _listed_id(self, name: str, types: str) -> str | None:
        cursor = None
        for _ in range(MAX_PAGES):
            said = _ask(
                self._client.conversations_list,
                types=types,
                exclude_archived=True,
                limit=PAGE_SIZE,
                cursor=cursor,
            )
            for channel in said.get("channels") or ():
                if name.removeprefix("#") in (channel.get("name"), channel.get("id")):
                    return str(channel["id"])
            cursor = (said.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return None

    def _messages(
        self, channel: str, since: datetime, thread_ts: str | None
    ) -> Iterator[dict[str, Any]]:
        asked: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{since.timestamp():.6f}",
            "limit": PAGE_SIZE,
            "include_all_metadata": True,
        }
        ask: Callable[..., Any] = self._client.conversations_history
        if thread_ts is not None:
            ask, asked["ts"] = self._client.conversations_replies, thread_ts
        cursor = None
        for _ in range(MAX_PAGES):
            said = _ask(ask, **asked, cursor=cursor)
            yield from said.get("messages") or ()
            cursor = (said.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def _shown(content: Content, uid: str) -> dict[str, Any]:
    return {
        "metadata": {"event_type": EVENT, "event_payload": {"uid": uid}},
        "text": content.text,
        "blocks": list(content.blocks),  # an empty list takes away what was there
        "link_names": False,  # a name in the text is a name, and pings nobody
        "parse": "none",
    }


def _ask(method: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Call Slack; every way to fail becomes one of the two errors, without the token."""
    name = method.__name__.replace("_", ".", 1)
    try:
        return dict(method(**arguments).data)
    except SlackApiError as error:
        raise _api_error(name, error.response) from None
    except HTTPError as error:  # of the upload's own address
        surely = error.code < 500
        raise SlackUnreachable(f"Slack: {name}: HTTP {error.code}", surely=surely) from None
    except URLError as error:
        surely = isinstance(error.reason, ConnectionRefusedError) or _no_address(error.reason)
        text = secret_free(f"Slack: {name}: {error.reason}")
        raise SlackUnreachable(text, surely=surely) from None
    except (OSError, HTTPException, SlackClientError, ValueError) as error:
        text = secret_free(f"Slack: {name}: {type(error).__name__}: {error}")
        raise SlackUnreachable(text, surely=False) from None


def _api_error(name: str, response: Any) -> SlackUnreachable | SlackRefused:
    body = response.data if isinstance(response.data, dict) else {}
    code, status = str(body.get("error") or "")[:MAX_CODE], int(response.status_code)
    if status == 429 or code in ("ratelimited", "rate_limited"):
        wait = _retry_after(response.headers)
        return SlackUnreachable(
            f"Slack: {name}: too many requests, asked to wait {wait} s",
            surely=True,
            retry_after_s=wait,
        )
    if not code.replace("_", "").isalnum():
        code = "and no answer in JSON"  # a proxy's page, or Slack's own for its faults
    if status >= 500 or code in FAULTS or " " in code:
        return SlackUnreachable(f"Slack: {name}: HTTP {status}, {code}", surely=False)
    needed = f" (needs the scope {str(body['needed'])[:MAX_CODE]})" if body.get("needed") else ""
    return SlackRefused(f"Slack: {name}: {code}{needed}", code=code)


def _retry_after(headers: Any) -> int:
    for name, value in dict(headers).items():
        if name.lower() == "retry-after":
            text = value[0] if isinstance(value, list) else value
            return max(int(text), 1) if str(text).isdigit() else DEFAULT_RETRY_AFTER_S
    return DEFAULT_RETRY_AFTER_S


def _no_address(reason: object) -> bool:
    from socket import gaierror

    return isinstance(reason, gaierror)
