"""A model, what is said about it, and couriers whose clock the test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.slack import Slack
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.alert import Alert, topic_of
from evergreen.messaging.courier import Courier, Round
from fake_slack import FakeSlack

MODEL = "also_bought"
HOUR = datetime(2026, 3, 10, 14, tzinfo=UTC)
PNG = b"\x89PNG made for tests"


def made_spec(**sections: Any) -> ModelSpec:
    """Return the smallest spec with a channel, and these sections."""
    return ModelSpec.model_validate(
        {
            "model": MODEL,
            "description": "d",
            "owner": "shop-team",
            "slack_channel": "#shop",
            "runbook": "docs/runbooks/also_bought.md",
            **sections,
        }
    )


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that a message meets on its way."""

    ledger: Ledger
    slack: FakeSlack
    spec: ModelSpec
    now: datetime = HOUR
    runbooks_url: str = "https://git.example/runbooks"
    charts: list[int | None] = field(default_factory=list)
    said: int = 0

    def say(self, alert: Alert, **said: Any) -> str:
        """Say something for Slack and return its text."""
        self.said += 1
        values = {
            "severity": "warning",
            "text": f"{MODEL}: message {self.said}",
            "topic": topic_of(alert),
            "chart": alert is Alert.MODEL_STALE,
            "send": True,
            "now": self.now,
            **said,
        }
        key = values.pop("key", f"key {self.said}")
        assert self.ledger.post(key, model=MODEL, alert=alert, **values)
        return values["text"]

    def courier(self, **options: Any) -> Courier:
        """Return a courier of its own."""
        slack = Slack(self.slack.token, url=self.slack.url, timeout_s=options.pop("timeout_s", 5))
        return Courier(
            ledger=self.ledger,
            slack=slack,
            chart=self._chart,
            runbooks_url=self.runbooks_url,
            clock=lambda: self.now,
            **options,
        )

    def visit(self, **options: Any) -> Round:
        """Let a new courier deliver what waits."""
        return self.courier(**options).visit(self.spec, budget_s=60)

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.now += timedelta(**delta)

    def open_incident(self) -> int:
        """Open the model's incident."""
        return self.ledger.open_incident(MODEL, HOUR, evidence={})

    def shown(self, channel: str = "shop") -> list[str]:
        """Return the texts of a channel, oldest first."""
        return [message["text"] for message in self.slack.posted(channel)]

    def undelivered(self) -> int:
        """Return how many messages nobody has got."""
        return sum(each.count for each in self.ledger.undelivered(MODEL))

    def _chart(self, spec: ModelSpec, message: Any) -> bytes:
        self.charts.append(message.incident)
        return PNG


def made_world(ledger: Ledger, slack: FakeSlack, **sections: Any) -> World:
    """Return a world."""
    return World(ledger=ledger, slack=slack, spec=made_spec(**sections))


def blocks_text(message: dict[str, Any]) -> str:
    """Return what a message's blocks say, one line a text."""
    lines = []
    for block in message.get("blocks") or ():
        texts = [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]
        lines += [text["text"] for text in texts if text]
    return "\n".join(lines)
