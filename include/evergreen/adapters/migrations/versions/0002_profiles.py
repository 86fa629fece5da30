"""Reference profiles that were made by hand, for versions that are trained elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of profiles; sketches of another schema are made again when needed."""
    op.create_table(
        "profiles",
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("model", "version", name="profiles_pk"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("profiles")
