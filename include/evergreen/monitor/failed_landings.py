"""Which landing of a day's hours failed: what tells an alert from the one before the mending."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from evergreen.adapters.ledger import Ledger
from evergreen.domain.windows import Window, hour_key
from evergreen.monitor.day_report import DIGEST_DIGITS
from evergreen.monitor.validate_day import TABLES, sensor_of

DAY = timedelta(days=1)


def failed_landings(model: str, day: datetime, ledger: Ledger) -> str:
    """Return a digest of a day's failed hours and their generations; empty where no hour failed.

    A validation measures the generation of every hour that it judged.
    """
    failed = [
        f"{table}/{hour_key(said.hour)}/{said.body.get('generation')}"
        for table in TABLES
        for said in ledger.measurements(model, Window(day, day + DAY), sensor_of(table))
        if said.verdict == "failed"
    ]
    digest = hashlib.sha256("\n".join(failed).encode()).hexdigest()
    return digest[:DIGEST_DIGITS] if failed else ""
