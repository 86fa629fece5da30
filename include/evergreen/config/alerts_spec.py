"""`alerts` of `model.yaml`: which channel gets which message, and when they wait."""

from __future__ import annotations

import re
from datetime import UTC, time, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from evergreen.config.section import Section
from evergreen.domain.quiet_hours import QuietHours

Severity = Literal["info", "warning", "error"]
_CHANNEL = r"^(#?[^\s#@<>&]{1,80})?$"


def _zone(name: str) -> tzinfo:
    """Return a time zone; UTC also where there is no database of zones, as in a small image."""
    return UTC if name == "UTC" else ZoneInfo(name)


class QuietHoursSpec(Section):
    """When messages wait. Nothing is quiet unless `start` and `end` are given."""

    start: str = ""
    """From when on messages wait, by the wall clock: `22:00`."""
    end: str = ""
    """From when on they come again; earlier than `start`, it is on the next day."""
    timezone: str = "UTC"
    """Whose wall clock: a name of the IANA database, `Europe/Berlin`."""
    exempt: tuple[Severity, ...] = Field(("error",), alias="except")
    """Severities that never wait."""

    @field_validator("start", "end", mode="before")
    @classmethod
    def _wall_time(cls, value: object) -> str:
        # YAML reads 22:00 without quotes as the number 22 * 60 + 0
        if isinstance(value, bool):
            raise ValueError("expected a time of day such as 22:00")
        text = f"{value // 60:02}:{value % 60:02}" if isinstance(value, int) else str(value or "")
        if text and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
            raise ValueError("expected a time of day such as 22:00")
        return text

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            _zone(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("expected a time zone such as Europe/Berlin or UTC") from None
        return name

    @model_validator(mode="after")
    def _both_or_none(self) -> QuietHoursSpec:
        if bool(self.start) != bool(self.end):
            raise ValueError("quiet_hours needs both start and end")
        if self.start and self.start == self.end:
            raise ValueError("quiet_hours.start and quiet_hours.end must differ")
        return self

    def hours(self) -> QuietHours | None:
        """Return them parsed; None where nothing is quiet."""
        if not self.start:
            return None
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        return QuietHours(start=start, end=end, zone=_zone(self.timezone))


class AlertsSpec(Section):
    """Who gets this model's messages, and when."""

    channel: str = Field("", pattern=_CHANNEL)
    """The Slack channel, `#shop` or its id. Default: `slack_channel`. Without any, messages are
    printed and kept in the ledger."""
    by_severity: dict[Severity, str] = Field(default_factory=dict)
    """Another channel for `info`, `warning` or `error`: `{error: "#oncall"}`. A message stays in
    its incident's thread unless it is worse than what began it."""
    quiet_hours: QuietHoursSpec = QuietHoursSpec()

    @field_validator("by_severity")
    @classmethod
    def _channels(cls, channels: dict[str, str]) -> dict[str, str]:
        for severity, channel in channels.items():
            if not channel or not re.fullmatch(_CHANNEL, channel):
                raise ValueError(f"{severity}: expected a channel such as #oncall")
        return channels
