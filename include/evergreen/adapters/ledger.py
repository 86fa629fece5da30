"""The ledger: every measurement, decision, release and message of every model, in one database.

SQLite where nothing is set up, PostgreSQL in production; both behave the same, and the same tests
hold them to it. Each method is one transaction, safe to repeat and safe beside other processes.
"""

from __future__ import annotations

from evergreen.adapters.ledger_history import History
from evergreen.adapters.ledger_incidents import Incidents
from evergreen.adapters.ledger_outbox import Outbox
from evergreen.adapters.ledger_overview import Overview
from evergreen.adapters.ledger_posts import Posts
from evergreen.adapters.ledger_quarantine import Quarantine
from evergreen.adapters.ledger_releases import Releases
from evergreen.adapters.ledger_rows import (
    Decision,
    Delivery,
    Incident,
    Measurement,
    Message,
    MessageState,
    Quarantined,
    Release,
    ReleasedBy,
    ReleaseKind,
    Run,
    Severity,
    StoredSketch,
    Undelivered,
)
from evergreen.adapters.ledger_timeline import Timeline

__all__ = [
    "Decision",
    "Delivery",
    "Incident",
    "Ledger",
    "Measurement",
    "Message",
    "MessageState",
    "Quarantined",
    "Release",
    "ReleaseKind",
    "ReleasedBy",
    "Run",
    "Severity",
    "StoredSketch",
    "Undelivered",
]


class Ledger(History, Quarantine, Releases, Incidents, Posts, Outbox, Overview, Timeline):
    """The ledger at a SQLAlchemy URL. Call `migrate` once before the rest.

    Raises:
        LedgerUnreachable: by every method; the text has the URL without its password, the cause
            and what to do.

    Example:
        >>> ledger = Ledger("sqlite://")
        >>> ledger.migrate()
        >>> ledger.champion("also_bought") is None
        True
    """
