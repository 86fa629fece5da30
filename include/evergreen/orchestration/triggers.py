"""The waiting half of `sensors.py`: polls the lake where waiting costs no worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from evergreen.adapters.installation import open_lake, spec_of
from evergreen.domain.errors import HourNotClosed
from evergreen.domain.windows import parse_hour

TABLE = "impressions"  # a writer lands the orders of an hour before its impressions


class HoursClosedTrigger(BaseTrigger):
    """Yields one event `{status, message}` and ends.

    - `closed`: every hour is closed.
    - `late`: one still is not at `late_at`.
    - `timeout`: one still is not at `timeout_at`.
    - `error`: anything else went wrong; the message says what.

    Args:
        model: Whose lake.
        hours: Keys such as `2011-11-07T13`, oldest first.
        late_at: ISO moment, or None when lateness has been reported.
        timeout_at: ISO moment.
        poll_interval_s: Seconds from one look to the next.
    """

    def __init__(
        self,
        *,
        model: str,
        hours: Sequence[str],
        late_at: str | None,
        timeout_at: str,
        poll_interval_s: float,
    ) -> None:
        super().__init__()
        self.model = model
        self.hours = list(hours)
        self.late_at = late_at
        self.timeout_at = timeout_at
        self.poll_interval_s = poll_interval_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments that make this trigger again."""
        names = ("model", "hours", "late_at", "timeout_at", "poll_interval_s")
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look again, until there is something to say."""
        try:
            event = await self._look()
            while event is None:
                await asyncio.sleep(self.poll_interval_s)
                event = await self._look()
        except Exception as error:  # whatever it is, the task must hear of it
            event = {"status": "error", "message": f"{type(error).__name__}: {error}"}
        yield TriggerEvent(event)

    async def _look(self) -> dict[str, str] | None:
        now = datetime.now(UTC)  # before the look, so that an hour closed in time is never late
        message = await asyncio.to_thread(first_open_hour, self.model, self.hours)
        if message is None:
            return {"status": "closed", "message": ""}
        if now >= datetime.fromisoformat(self.timeout_at):
            return {"status": "timeout", "message": message}
        if self.late_at and now >= datetime.fromisoformat(self.late_at):
            return {"status": "late", "message": message}
        return None


def first_open_hour(model: str, hours: Sequence[str]) -> str | None:
    """Return what to say of the first hour that is not closed, or None when all are."""
    lake = open_lake(spec_of(model))
    try:
        for hour in hours:
            lake.require_closed(TABLE, parse_hour(hour))
    except HourNotClosed as error:
        return str(error)
    return None
