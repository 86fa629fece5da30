"""Whether hours that must not be learned from are in quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.ledger_rows import PERSON
from evergreen.domain.errors import QuarantineLost
from evergreen.domain.windows import Window, parse_hour


def require_quarantined(model: str, hours: Sequence[str], ledger: Ledger) -> Iterator[str]:
    """Yield for each hour, spelt `orders 2011-05-02T13`, why it is out and how it comes back.

    Raises:
        QuarantineLost: an hour is not in quarantine, and no person has released it.
    """
    for name in hours:
        table, _, key = name.partition(" ")
        records = ledger.quarantine_records(model, Window.of_hour(parse_hour(key)), active=False)
        record = next((found for found in records if found.table == table), None)
        if record is not None and record.released_by == PERSON:
            yield f"{name}: released by a person: {record.release_reason}"
        elif record is None or record.released_at is not None:
            raise QuarantineLost(
                f"{model} {name} failed its validation and is not in quarantine; clear "
                "validate_day, so that nothing learns from it"
            )
        else:
            yield (
                f"{name}: {'; '.join(record.reasons)}. Land it again, or release it: evergreen "
                f"quarantine release --model {model} --table {table} --hour {key} --reason …"
            )
