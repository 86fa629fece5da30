"""What the ledger returns: one frozen class a table. Moments are in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

ReleaseKind = Literal["promotion", "rollback", "probation"]
"""Why a version came to power: a gate promoted it, a person (or a failed smoke test) went back to
it, or its successor failed its probation."""
ReleasedBy = Literal["validation", "person"]
Severity = Literal["info", "warning", "error"]
MessageState = Literal["waiting", "delivered", "failed"]
"""`waiting`: to be posted, or changed in Slack. `failed`: Slack does not take its content."""
VALIDATION: ReleasedBy = "validation"
PERSON: ReleasedBy = "person"
"""Who lets an hour out of quarantine. A person's word holds for that generation of the hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSketch:
    """The counts of one hour, and the lake's generation that they were counted on."""

    hour: datetime
    generation: int
    sketch: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile:
    """The reference profile of a version, made by hand."""

    version: str
    body: dict[str, Any]
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one sensor said of one hour."""

    model: str
    hour: datetime
    sensor: str
    verdict: str
    body: dict[str, Any]
    replay: bool
    measured_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """An hour of a table that was put into quarantine; `released_at` is None while it is in it.

    `generation` is the one that was judged, 0 where the hour was not closed; `sample` is where
    rows that show the fault are kept.
    """

    model: str
    table: str
    hour: datetime
    generation: int
    reasons: list[str]
    sample: str | None
    quarantined_at: datetime
    released_at: datetime | None
    released_by: ReleasedBy | None
    release_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided for one hour, with every reason in the body."""

    id: int
    model: str
    hour: datetime
    action: str
    body: dict[str, Any]
    replay: bool
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One retraining: its manifest, and its verdict once the gate has spoken."""

    run_key: str
    model: str
    trigger: str
    manifest: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None
    verdict: str | None
    version: int | None
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version's coming to power. `fence` counts a model's releases from 1, without gaps."""

    model: str
    version: int
    fence: int
    kind: ReleaseKind
    run_key: str
    as_of: datetime
    reason: str
    evidence: dict[str, Any]
    replaced_version: int | None
    released_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A period in which a model is unhealthy; `closed_at` is None while it lasts."""

    id: int
    model: str
    hour: datetime
    evidence: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Something that was said, once for its key; `delivered_at` is None until somebody got it.

    Parameters:
        alert: what kind of message, an `Alert`; None of before there were kinds.
        facts: what a message in Slack is made of, besides the text.
        incident: the one that it belongs to.
        message: the message in Slack that tells it; None where nobody was to be told: no token, or
            no channel.
    """

    id: int
    key: str
    model: str
    severity: Severity
    text: str
    posted_at: datetime
    delivered_at: datetime | None
    alert: str | None
    facts: dict[str, Any] | None
    incident: int | None
    message: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message in Slack, as it should be (`revision`) and as it is (`sent_revision`).

    Parameters:
        uid: tells it from every other message in Slack.
        topic: what it is about in its incident's thread; None for one that stands alone.
        status: of a thread's first message: how the incident stands.
        attempts: since it last got through.
        next_at: not tried again before.
        begun_at: an attempt to post it began then, and how it ended is not known.
        channel_name, channel, ts: where it is: as model.yaml names the channel, and Slack's ids.
    """

    id: int
    uid: str
    model: str
    incident: int | None
    topic: str | None
    severity: Severity
    status: str | None
    state: MessageState
    revision: int
    sent_revision: int
    posted_at: datetime
    attempts: int
    next_at: datetime
    begun_at: datetime | None
    error: str | None
    channel_name: str | None
    channel: str | None
    ts: str | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A model's messages that nobody has got yet.

    Parameters:
        oldest_posted_at: since when the oldest one waits.
        last_error: why the oldest one that was tried did not get through; None when none was
            tried: they wait for their turn, or for the end of quiet hours.
    """

    model: str
    count: int
    oldest_posted_at: datetime
    last_error: str | None
