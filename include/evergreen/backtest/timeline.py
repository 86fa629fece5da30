"""What a policy did, hour by hour: which lists were in force, and what happened when and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from evergreen.backtest.lists import Trained
from evergreen.domain.windows import hour_key


class Kind(StrEnum):
    """What can happen."""

    ALARM = "alarm"
    RETRAIN = "retrain"
    DEPLOYED = "deployed"
    HELD = "held"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Parameters:
        hour: when.
        reasons: for people.
        version: which one was trained, deployed or held.
    """

    hour: datetime
    kind: Kind
    reasons: tuple[str, ...] = ()
    version: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        body: dict[str, Any] = {"hour": hour_key(self.hour), "kind": str(self.kind)}
        if self.version is not None:
            body["version"] = self.version
        return {**body, "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The lists that are in force from an hour on."""

    start: datetime
    trained: Trained


@dataclass(slots=True, kw_only=True)
class Timeline:
    """A policy's whole story.

    Parameters:
        segments: what was in force, oldest first.
        events: what happened, oldest first.
        trained: every retraining after the first champion.
        decisions: action of every hour that was judged, for comparison with an installation's.
    """

    segments: list[Segment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    trained: list[Trained] = field(default_factory=list)
    decisions: list[tuple[datetime, str, tuple[str, ...]]] = field(default_factory=list)

    def count(self, kind: Kind) -> int:
        """Return how many events are of a kind."""
        return sum(event.kind is kind for event in self.events)

    @property
    def training_s(self) -> float:
        """Seconds that all retrainings took, each alone on one core."""
        return sum(float(trained.said["training_s"]) for trained in self.trained)
