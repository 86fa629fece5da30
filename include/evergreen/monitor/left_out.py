"""Which hours of impressions nobody counts: those in quarantine, until they are landed again.

A quarantine is about one generation of an hour. A higher one is counted, and the next validation
judges it anew. This is the rule for sensors and for profiles that are made by hand; training has
the same (`trainer.left_out`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.domain.errors import FileCorrupt
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import Window, hour_key

TABLE = "impressions"


def quarantine_in(model: str, window: Window, ledger: Ledger) -> dict[datetime, int]:
    """Return the window's hours that are in quarantine, with the generation that was judged."""
    records = ledger.quarantine_records(model, window)
    return {record.hour: record.generation for record in records if record.table == TABLE}


def is_left_out(judged: Mapping[datetime, int], hour: datetime, generation: int) -> bool:
    """Return whether an hour, as this generation of it is, does not count.

    Parameters:
        judged: of `quarantine_in`.

    Example:
        >>> from datetime import UTC
        >>> noon = datetime(2011, 5, 2, 12, tzinfo=UTC)
        >>> is_left_out({noon: 1}, noon, 1), is_left_out({noon: 1}, noon, 2)
        (True, False)
    """
    return hour in judged and generation <= judged[hour]


def left_out_of(lake: Lake, judged: Mapping[datetime, int]) -> frozenset[datetime]:
    """Return the closed hours that do not count, as the lake is now.

    An hour in quarantine whose `_SUCCESS` nobody can read is one of them.
    """
    out = set()
    for hour in judged:
        try:
            closing = lake.closing(TABLE, hour)
        except FileCorrupt:
            out.add(hour)
            continue
        if closing is not None and is_left_out(judged, hour, closing.generation):
            out.add(hour)
    return frozenset(out)


def counted_lake(model: str, window: Window, *, lake: Lake, ledger: Ledger) -> Lake:
    """Return the lake in which the window's hours that do not count are not there."""
    return lake.without({TABLE: left_out_of(lake, quarantine_in(model, window, ledger))})


def with_quarantine(
    verdict: Verdict, reason: str, *, judged_hour: datetime, left_out: Collection[datetime]
) -> tuple[Verdict, str]:
    """Return a sensor's answer that tells what was left out; of an hour left out there is none.

    Parameters:
        judged_hour: the newest hour that the sensor looked at.
    """
    if not left_out:
        return verdict, reason
    if judged_hour in left_out:
        verdict = Verdict.NOT_ENOUGH_DATA
        reason = f"the newest hour, {hour_key(judged_hour)}, is in quarantine"
    return verdict, f"{reason}; {left_out_text(left_out)}"


def left_out_text(hours: Collection[datetime]) -> str:
    """Return how many hours were left out, for people."""
    return f"{len(hours)} {'hour' if len(hours) == 1 else 'hours'} in quarantine left out"
