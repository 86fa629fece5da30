"""The first tables. A migration is never edited: it spells out its schema and imports none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of measurements, decisions, releases and messages."""
    op.create_table(
        "sketches",
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("profile", sa.String(128), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("sketch", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("model", "profile", "hour", name="sketches_pk"),
    )
    op.create_table(
        "measurements",
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("verdict", sa.String(63), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("replay", sa.Boolean, nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("model", "hour", "sensor", name="measurements_pk"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(63), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("replay", sa.Boolean, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("model", "hour", "replay", name="decisions_one_an_hour"),
    )
    _create_releases()
    _create_incidents()


def _create_releases() -> None:
    op.create_table(
        "runs",
        sa.Column("run_key", sa.String(128), primary_key=True),
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("trigger", sa.String(63), nullable=False),
        sa.Column("manifest", sa.JSON, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("verdict", sa.String(63)),
        sa.Column("version", sa.Integer),
        sa.Column("body", sa.JSON),
    )
    op.create_index("runs_of_model", "runs", ["model", "opened_at"])
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("run_key", sa.String(128), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("replaced_version", sa.Integer),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("model", "fence", name="releases_fence"),
    )


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text),
    )
    op.create_index(
        "incidents_one_open",
        "incidents",
        ["model"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("severity", sa.String(63), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("key", name="deliveries_once"),
    )
    op.create_index("deliveries_of_model", "deliveries", ["model", "id"])
