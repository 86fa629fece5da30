"""Messages that nobody has got yet, by model. The one place that knows how they are asked for."""

from __future__ import annotations

from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.monitor.status import Waiting


def undelivered(ledger: Ledger) -> dict[str, Waiting]:
    """Return the messages that wait, of every model that has some.

    A ledger without an outbox that delivers has none: its messages are printed when they are kept.
    """
    ask: Any = getattr(ledger, "undelivered", None)
    if ask is None:
        return {}
    return {
        said.model: Waiting(count=said.count, oldest=said.oldest, last_error=said.last_error)
        for said in ask()
        if said.count
    }
