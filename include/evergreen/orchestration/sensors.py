"""Waiting until hours of the lake are closed: asks once, then defers (`triggers.py` waits)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowException

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.config.durations import format_duration
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import settings
from evergreen.domain.alert import Alert
from evergreen.domain.errors import HourNotClosed
from evergreen.domain.windows import Window, hour_key
from evergreen.orchestration.model_task import ModelTask
from evergreen.orchestration.notifiers import notify
from evergreen.orchestration.run_context import DAY, Context, day_of, hour_of, is_replay
from evergreen.orchestration.triggers import HoursClosedTrigger, first_open_hour

TRIGGERER_GRACE = timedelta(hours=1)  # beyond the trigger's own timeout: then there is no triggerer


class WaitForHour(ModelTask, BaseSensorOperator):
    """Waits until the run's hour is closed.

    After `lake.late_after` it posts one warning and goes on waiting; after `lake.timeout` it fails
    and says which file is expected. Both count from the hour's end or from the moment the wait
    began, whichever is later, so that a run that catches up has its chance. A replay never waits:
    an hour that is missing fails it at once.
    """

    def window(self, context: Context) -> Window:
        """Return the hours to wait for."""
        return Window.of_hour(hour_of(context))

    def execute(self, context: Context) -> list[str]:
        """Ask once; return the hours' keys when all are closed, else defer."""
        window = self.window(context)
        message = first_open_hour(self.model, _keys(window))
        if message and is_replay(context):
            raise HourNotClosed(f"a replay does not wait: {message}")
        if message:
            self._defer_first(window)
        return _keys(window)

    def _defer_first(self, window: Window) -> NoReturn:
        spec = spec_of(self.model)
        since = max(window.end, datetime.now(UTC))
        self._defer_until(
            window,
            late_at=(since + spec.lake.late_after).isoformat(),
            timeout_at=(since + spec.lake.timeout).isoformat(),
        )

    def resume(
        self, context: Context, event: Mapping[str, str] | None, *, timeout_at: str
    ) -> list[str]:
        """Act on the trigger's one event; an unknown status ends the task."""
        window = self.window(context)
        status, message = (event or {}).get("status"), (event or {}).get("message", "")
        if status == "closed":
            return _keys(window)
        spec = spec_of(self.model)
        if status == "late":
            self._warn(spec, window, message)
            self._defer_until(window, late_at=None, timeout_at=timeout_at)
        if status == "timeout":
            timeout = format_duration(spec.lake.timeout)
            raise HourNotClosed(f"gave up after lake.timeout {timeout}: {message}")
        raise AirflowException(f"waiting for {self.model} {window} ended with {status}: {message}")

    def _defer_until(self, window: Window, *, late_at: str | None, timeout_at: str) -> NoReturn:
        self.defer(
            trigger=HoursClosedTrigger(
                model=self.model,
                hours=_keys(window),
                late_at=late_at,
                timeout_at=timeout_at,
                poll_interval_s=settings().poll_interval_s,
            ),
            method_name="resume",
            kwargs={"timeout_at": timeout_at},
            timeout=datetime.fromisoformat(timeout_at) - datetime.now(UTC) + TRIGGERER_GRACE,
        )

    def _warn(self, spec: ModelSpec, window: Window, message: str) -> None:
        late = format_duration(spec.lake.late_after)
        notify(
            open_ledger(),
            f"{self.model}/{window}/late",
            alert=Alert.HOUR_LATE,
            model=self.model,
            severity="warning",
            text=f"{self.model}: late by more than {late}: {message}",
            facts={
                "waited for": str(window),
                "late by more than": late,
                "gives up after": format_duration(spec.lake.timeout),
                "reasons": [message],
            },
        )


class WaitForDay(WaitForHour):
    """Waits, in the same way, until every hour of the run's day is closed."""

    def window(self, context: Context) -> Window:
        """Return the day's 24 hours."""
        start = day_of(context)
        return Window(start, start + DAY)


def _keys(window: Window) -> list[str]:
    return [hour_key(hour) for hour in window.hours()]
