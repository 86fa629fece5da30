"""The outbox: Slack's messages, what each is made of, and who delivers a model's now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
EVENT_COLUMNS = ("alert", "facts", "incident", "message")


def upgrade() -> None:
    """Create the outbox. What was said before belongs to no message, so nothing old is sent."""
    op.add_column("deliveries", sa.Column("alert", sa.String(63)))
    op.add_column("deliveries", sa.Column("facts", sa.JSON))
    op.add_column("deliveries", sa.Column("incident", sa.Integer))
    op.add_column("deliveries", sa.Column("message", sa.Integer))
    op.create_index("deliveries_of_message", "deliveries", ["message", "id"])
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("incident", sa.Integer),
        sa.Column("topic", sa.String(63)),
        sa.Column("severity", sa.String(63), nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("state", sa.String(63), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("sent_revision", sa.Integer, nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.Column("channel_name", sa.String(255)),
        sa.Column("channel", sa.String(63)),
        sa.Column("ts", sa.String(63)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("incident", "topic", name="messages_one_a_topic"),
    )
    op.create_index("messages_of_model", "messages", ["model", "state"])
    op.create_table(
        "deliverers",
        sa.Column("model", sa.String(63), primary_key=True),
        sa.Column("holder", sa.String(63), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Drop the outbox; what was said stays."""
    op.drop_table("deliverers")
    op.drop_table("messages")
    op.drop_index("deliveries_of_message", "deliveries")
    for column in EVENT_COLUMNS:
        op.drop_column("deliveries", column)
