"""Hours that validation has put aside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of hours in quarantine."""
    op.create_table(
        "quarantine",
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("table", sa.String(63), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("sample", sa.Text),
        sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.Column("released_by", sa.String(63)),
        sa.Column("release_reason", sa.Text),
        sa.PrimaryKeyConstraint("model", "table", "hour", name="quarantine_pk"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("quarantine")
