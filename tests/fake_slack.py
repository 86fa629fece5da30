"""Fake: speaks Slack's Web API over HTTP, as far as Evergreen uses it, for slack-sdk's base URL.

It keeps what was posted, as channels and threads, and can be told to fail in the ways Slack does.
It judges as Slack does where that matters here: tokens, channels, lengths, threads.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "xoxb-planted-token-of-tests"
PINGS = re.compile(r"<(?:!|@|#)[^>]*>")  # what Slack turns into a mention of people or channels


@dataclass(slots=True)
class FakeSlack:
    """A workspace. `mode` is how it behaves: see `_fail`; `channels` are name to id."""

    url: str = ""
    mode: str = "well"
    token: str = TOKEN
    retry_after_s: int = 30
    slow_s: float = 0.0
    channels: dict[str, str] = field(
        default_factory=lambda: {"shop": "C0000SHOP1", "oncall": "C000ONCALL"}
    )
    scopes_missing: set[str] = field(default_factory=set)
    messages: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: Callable[[str, dict[str, Any]], None] | None = None
    after: Callable[[str], None] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ids: int = 0

    def posted(self, channel: str = "shop") -> list[dict[str, Any]]:
        """Return a channel's messages, oldest first, replies behind their thread's head."""
        own = [m for m in self.messages if m["channel"] == self.channels[channel]]
        heads = [m for m in own if not m.get("thread_ts")]
        return [m for h in heads for m in (h, *(r for r in own if r.get("thread_ts") == h["ts"]))]

    def threads(self, channel: str = "shop") -> list[list[dict[str, Any]]]:
        """Return a channel's threads, each as its messages."""
        found: list[list[dict[str, Any]]] = []
        for message in self.posted(channel):
            if message.get("thread_ts"):
                found[-1].append(message)
            else:
                found.append([message])
        return found

    def pings(self) -> list[str]:
        """Return what would ping people or link a channel in all that was ever sent."""
        sent = [json.dumps(asked, ensure_ascii=False) for _, asked in self.calls]
        return [found for text in sent for found in PINGS.findall(text)]

    def answer(self, method: str, asked: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and body of an answer."""
        with self._lock:
            self.calls.append((method, asked))
            if self.before is not None:
                self.before(method, asked)
            failure = self._fail(method)
            if failure is not None:
                return failure
            make = getattr(self, "_" + method.replace(".", "_").lower(), None)
            if make is None:
                return 200, {}, {"ok": False, "error": "unknown_method"}
            said = make(asked)
            if self.after is not None:
                self.after(method)
            return 200, {}, {"ok": "error" not in said, **said}

    def _fail(self, method: str) -> tuple[int, dict[str, str], Any] | None:
        if self.mode == "500":
            return 500, {}, "<html>oops</html>"
        if self.mode == "429":
            wait = {"Retry-After": str(self.retry_after_s)}
            return 429, wait, {"ok": False, "error": "ratelimited"}
        if self.mode not in ("well", "slow", "answers_lost"):
            return 200, {}, {"ok": False, "error": self.mode}  # invalid_auth and the like
        if method in self.scopes_missing:
            return 200, {}, {"ok": False, "error": "missing_scope", "needed": "some:scope"}
        return None

    def _auth_test(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"team": "Shop", "user": "evergreen", "bot_id": "B1"}

    def _channel(self, asked: dict[str, Any]) -> str | None:
        name = str(asked.get("channel") or asked.get("channel_id") or "")
        if name in self.channels.values():
            return name
        return self.channels.get(name.removeprefix("#"))

    def _chat_postmessage(self, asked: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(asked)
        if channel is None:
            return {"error": "channel_not_found"}
        if problem := _content_problem(asked):
            return {"error": problem}
        thread = asked.get("thread_ts")
        if thread and not any(m["ts"] == thread for m in self.messages):
            return {"error": "thread_not_found"}
        message = {**asked, "channel": channel, "ts": self._ts()}
        self.messages.append(message)
        return {"channel": channel, "ts": message["ts"], "message": {"text": asked.get("text")}}

    def _chat_update(self, asked: dict[str, Any]) -> dict[str, Any]:
        if problem := _content_problem(asked):
            return {"error": problem}
        for message in self.messages:
            if (message["channel"], message["ts"]) == (asked.get("channel"), asked.get("ts")):
                message.update({k: asked[k] for k in ("text", "blocks") if k in asked})
                message["edits"] = message.get("edits", 0) + 1
                return {"channel": message["channel"], "ts": message["ts"]}
        return {"error": "message_not_found"}

    def _conversations_list(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "groups:read" in self.scopes_missing and "private_channel" in asked["types"]:
            return {"error": "missing_scope", "needed": "groups:read"}
        found = [{"id": i, "name": name} for name, i in self.channels.items()]
        page = int(asked.get("cursor") or 0)  # one channel a page
        following = str(page + 1) if page + 1 < len(found) else ""
        return {
            "channels": found[page : page + 1],
            "response_metadata": {"next_cursor": following},
        }

    def _conversations_history(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._read(asked, lambda m: not m.get("thread_ts"))

    def _conversations_replies(self, asked: dict[str, Any]) -> dict[str, Any]:
        if not any(m["ts"] == asked["ts"] for m in self.messages):
            return {"error": "thread_not_found"}
        return self._read(asked, lambda m: asked["ts"] in (m["ts"], m.get("thread_ts")))

    def _read(self, asked: dict[str, Any], wanted: Callable[[Any], bool]) -> dict[str, Any]:
        channel = self._channel(asked)
        if channel not in self.channels.values():
            return {"error": "channel_not_found"}
        since = float(asked.get("oldest") or 0)
        own = [m for m in self.messages if m["channel"] == channel and float(m["ts"]) > since]
        found = [m for m in own if wanted(m)]
        if asked.get("include_all_metadata") not in ("1", True, "true"):
            found = [{k: v for k, v in m.items() if k != "metadata"} for m in found]
        return {"messages": found, "response_metadata": {"next_cursor": ""}}

    def _files_getuploadurlexternal(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._ids += 1
        name = f"F{self._ids:09}"
        self.uploads[name] = {"name": asked["filename"], "length": int(asked["length"])}
        return {"upload_url": f"{self.url}/upload/{name}", "file_id": name}

    def _files_completeuploadexternal(self, asked: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(asked)
        if channel not in self.channels.values():
            return {"error": "channel_not_found"}
        files = [{"id": f["id"], **self.uploads[f["id"]]} for f in json.loads(asked["files"])]
        assert all(len(file["content"]) == file["length"] for file in files)
        shown = [{"id": file["id"], "name": file["name"]} for file in files]
        share = {"channel": channel, "ts": self._ts(), "thread_ts": asked.get("thread_ts")}
        self.messages.append({**share, "text": "", "files": shown})
        return {"files": shown}

    def _ts(self) -> str:
        self._ids += 1
        return f"{time.time():.0f}.{self._ids:06}"


def _content_problem(asked: dict[str, Any]) -> str | None:
    """Return Slack's code for a message that breaks its limits."""
    blocks = asked.get("blocks") or []
    if not asked.get("text") and not blocks:
        return "no_text"
    if len(asked.get("text", "")) > 40_000:
        return "msg_too_long"
    texts = [b["text"] for b in blocks if "text" in b]
    headers = [b["text"]["text"] for b in blocks if b["type"] == "header"]
    fields = [b["fields"] for b in blocks if "fields" in b]
    elements = [b["elements"] for b in blocks if "elements" in b]
    bad = (
        len(blocks) > 50
        or any(not 0 < len(t["text"]) <= 3_000 for t in texts)
        or any(len(h) > 150 for h in headers)
        or any(len(f) > 10 or any(not 0 < len(t["text"]) <= 2_000 for t in f) for f in fields)
        or any(len(e) > 10 or any(not 0 < len(t["text"]) <= 3_000 for t in e) for e in elements)
    )
    return "invalid_blocks" if bad else None


@contextmanager
def fake_slack() -> Iterator[FakeSlack]:
    """Start a workspace on a free port of this machine."""
    slack = FakeSlack()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            if path.startswith("/upload/"):
                slack.uploads[path.rpartition("/")[2]]["content"] = body
                return self._say(200, {}, "OK")
            method = path.rpartition("/")[2]
            if slack.mode == "down":
                return self._hang_up()
            if self.headers.get("Authorization") != f"Bearer {slack.token}":
                slack.calls.append((method, {}))
                return self._say(200, {}, {"ok": False, "error": "invalid_auth"})
            is_json = "json" in (self.headers.get("Content-Type") or "")
            asked = json.loads(body or b"{}") if is_json else dict(parse_qsl(body.decode()))
            status, headers, said = slack.answer(method, asked)
            if slack.mode == "slow":
                time.sleep(slack.slow_s)
            if slack.mode == "answers_lost":
                return self._hang_up()
            return self._say(status, headers, said)

        def _hang_up(self) -> None:
            self.close_connection = True

        def _say(self, status: int, headers: dict[str, str], said: Any) -> None:
            is_text = isinstance(said, str)
            body = said.encode() if is_text else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if is_text else "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            try:
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the client did not wait

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    slack.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
