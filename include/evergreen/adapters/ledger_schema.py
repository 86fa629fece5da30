"""The ledger's tables. `migrations/` builds the same; a test holds the two together."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from evergreen.domain.windows import as_utc

HEAD = "0004"
"""The newest migration. Kept here so that a migrated ledger is recognised without Alembic."""

metadata = sa.MetaData()


class Utc(sa.TypeDecorator[datetime]):
    """A moment in UTC: with its zone on PostgreSQL, without one on SQLite, which has none."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Write UTC; a naive moment raises `WindowInvalid`."""
        if value is None:
            return None
        return as_utc(value).replace(tzinfo=None) if dialect.name == "sqlite" else as_utc(value)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Read UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def to_json(body: Any) -> str:
    """Return JSON that PostgreSQL takes too: it has no NaN and no infinity, so they become null."""
    try:
        return json.dumps(body, allow_nan=False, default=_spell)
    except ValueError:
        return json.dumps(_finite(body), allow_nan=False, default=_spell)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _spell(value: Any) -> Any:
    """Spell what JSON lacks: moments, and numbers and arrays of numpy."""
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    raise TypeError(f"a ledger body cannot hold a {type(value).__name__}: {value!r}")


def _model() -> sa.Column[str]:
    return sa.Column("model", sa.String(63), nullable=False)


def _hour() -> sa.Column[datetime]:
    return sa.Column("hour", Utc, nullable=False)


sketches = sa.Table(
    "sketches",
    metadata,
    _model(),
    _hour(),
    sa.Column("profile", sa.String(128), nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("sketch", sa.JSON, nullable=False),
    sa.PrimaryKeyConstraint("model", "profile", "hour", name="sketches_pk"),
)

profiles = sa.Table(
    "profiles",
    metadata,
    _model(),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("made_at", Utc, nullable=False),
    sa.PrimaryKeyConstraint("model", "version", name="profiles_pk"),
)

measurements = sa.Table(
    "measurements",
    metadata,
    _model(),
    _hour(),
    sa.Column("sensor", sa.String(63), nullable=False),
    sa.Column("verdict", sa.String(63), nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("replay", sa.Boolean, nullable=False),
    sa.Column("measured_at", Utc, nullable=False),
    sa.PrimaryKeyConstraint("model", "hour", "sensor", name="measurements_pk"),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    _model(),
    sa.Column("table", sa.String(63), nullable=False),
    _hour(),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("sample", sa.Text),
    sa.Column("quarantined_at", Utc, nullable=False),
    sa.Column("released_at", Utc),
    sa.Column("released_by", sa.String(63)),
    sa.Column("release_reason", sa.Text),
    sa.PrimaryKeyConstraint("model", "table", "hour", name="quarantine_pk"),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _model(),
    _hour(),
    sa.Column("action", sa.String(63), nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("replay", sa.Boolean, nullable=False),
    sa.Column("decided_at", Utc, nullable=False),
    sa.UniqueConstraint("model", "hour", "replay", name="decisions_one_an_hour"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_key", sa.String(128), primary_key=True),
    _model(),
    sa.Column("trigger", sa.String(63), nullable=False),
    sa.Column("manifest", sa.JSON, nullable=False),
    sa.Column("opened_at", Utc, nullable=False),
    sa.Column("closed_at", Utc),
    sa.Column("verdict", sa.String(63)),
    sa.Column("version", sa.Integer),
    sa.Column("body", sa.JSON(none_as_null=True)),
    sa.Index("runs_of_model", "model", "opened_at"),
)

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _model(),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(63), nullable=False),
    sa.Column("run_key", sa.String(128), nullable=False),
    sa.Column("as_of", Utc, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("replaced_version", sa.Integer),
    sa.Column("released_at", Utc, nullable=False),
    sa.UniqueConstraint("model", "fence", name="releases_fence"),
)

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _model(),
    _hour(),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("opened_at", Utc, nullable=False),
    sa.Column("closed_at", Utc),
    sa.Column("outcome", sa.Text),
)
sa.Index(
    "incidents_one_open",
    incidents.c.model,
    unique=True,
    sqlite_where=incidents.c.closed_at.is_(None),
    postgresql_where=incidents.c.closed_at.is_(None),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(255), nullable=False),
    _model(),
    sa.Column("severity", sa.String(63), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("posted_at", Utc, nullable=False),
    sa.Column("delivered_at", Utc),
    sa.Column("alert", sa.String(63)),
    sa.Column("facts", sa.JSON(none_as_null=True)),
    sa.Column("incident", sa.Integer),
    sa.Column("message", sa.Integer),
    sa.UniqueConstraint("key", name="deliveries_once"),
    sa.Index("deliveries_of_model", "model", "id"),
    sa.Index("deliveries_of_message", "message", "id"),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uid", sa.String(32), nullable=False),
    _model(),
    sa.Column("incident", sa.Integer),
    sa.Column("topic", sa.String(63)),
    sa.Column("severity", sa.String(63), nullable=False),
    sa.Column("status", sa.Text),
    sa.Column("state", sa.String(63), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("sent_revision", sa.Integer, nullable=False),
    sa.Column("posted_at", Utc, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", Utc, nullable=False),
    sa.Column("begun_at", Utc),
    sa.Column("error", sa.Text),
    sa.Column("channel_name", sa.String(255)),
    sa.Column("channel", sa.String(63)),
    sa.Column("ts", sa.String(63)),
    sa.Column("delivered_at", Utc),
    sa.UniqueConstraint("incident", "topic", name="messages_one_a_topic"),
    sa.Index("messages_of_model", "model", "state"),
)

deliverers = sa.Table(
    "deliverers",
    metadata,
    sa.Column("model", sa.String(63), primary_key=True),
    sa.Column("holder", sa.String(63), nullable=False),
    sa.Column("until", Utc, nullable=False),
)
