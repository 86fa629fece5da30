"""Which days a night validates: the one that has closed, and earlier ones that have changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.domain.errors import FileCorrupt
from evergreen.domain.windows import Window
from evergreen.monitor.validate_day import SENSOR, sensor_of

LOOK_BACK = timedelta(days=35)
DAYS_A_NIGHT = 14
"""Of days that have changed, the newest; the next night takes the others."""
TABLES = ("impressions", "orders")


def days_to_validate(model: str, day: datetime, *, lake: Lake, ledger: Ledger) -> list[datetime]:
    """Return the days of the 35 before it that must be validated again, oldest first, then the day.

    Those are the days of which an hour has another generation than the one that was validated
    (it came late, or was landed again), the day after each of them, whose hours are compared with
    it, and the days that no validation has reached since the first one did: an outage. Days before
    the first validation are a backfill's. The order is that of time, since a day is compared with
    what is not in quarantine before it.
    """
    before = Window(day - LOOK_BACK, day)
    validated = {m.hour for m in ledger.measurements(model, before, SENSOR)}
    if not validated:
        return [day]
    since = Window(min(validated), day)
    changed = {
        hour.replace(hour=0)
        for table in TABLES
        for hour in _changed_hours(model, table, since, lake=lake, ledger=ledger)
    }
    missed = {hour for hour in since.hours() if hour.hour == 0 and hour not in validated}
    after = {each + timedelta(days=1) for each in changed} - {day}
    return [*sorted(changed | missed | after)[-DAYS_A_NIGHT:], day]


def _changed_hours(
    model: str, table: str, window: Window, *, lake: Lake, ledger: Ledger
) -> list[datetime]:
    measured = ledger.measurements(model, window, sensor_of(table))
    known = {m.hour: m.body["generation"] for m in measured}
    return [
        hour
        for hour in lake.listed_hours(table, window)
        if _generation(lake, table, hour) != known.get(hour, 0)
    ]


def _generation(lake: Lake, table: str, hour: datetime) -> int:
    """Return the generation that can be validated now; 0 while there is none."""
    try:
        closing = lake.closing(table, hour)
    except FileCorrupt:
        return 0
    return closing.generation if closing else 0
