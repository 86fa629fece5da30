"""Alembic's entry: migrates over the connection that `Ledger.migrate` holds, in its transaction."""

from __future__ import annotations

from alembic import context

from evergreen.adapters.ledger_schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
