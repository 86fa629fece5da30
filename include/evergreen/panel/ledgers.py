"""The panel's connection to the ledger: one for each address, kept between requests."""

from __future__ import annotations

from functools import lru_cache

from evergreen.adapters.ledger import Ledger
from evergreen.config.settings import settings


def ledger() -> Ledger:
    """Return this installation's ledger, migrated.

    Raises:
        LedgerUnreachable: it cannot be reached; the next request tries again.
    """
    return _ledger(settings().ledger)


@lru_cache(maxsize=4)
def _ledger(url: str) -> Ledger:
    found = Ledger(url)
    found.migrate()
    return found
