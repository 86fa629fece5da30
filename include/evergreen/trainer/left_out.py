"""Which closed hours a training window leaves out: those in quarantine, while they are few."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from evergreen.adapters.lake import HourClosing, Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import FileCorrupt, TooMuchQuarantine
from evergreen.domain.windows import Window, hour_key

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger  # the trainer's image has no SQLAlchemy

TABLE = "orders"
NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedHours:
    """The closed hours of a window.

    Parameters:
        closings: of those that may be learned from, oldest first.
        quarantined: closed too, but left out, oldest first.
    """

    closings: dict[datetime, HourClosing]
    quarantined: tuple[datetime, ...]

    def __contains__(self, hour: object) -> bool:
        """Whether the hour is closed, left out or not."""
        return hour in self.closings or hour in self.quarantined

    @property
    def first(self) -> datetime | None:
        """The oldest closed hour; None where there is none."""
        return min((*self.closings, *self.quarantined), default=None)


def closed_hours(spec: ModelSpec, window: Window, *, lake: Lake, ledger: Ledger) -> ClosedHours:
    """Return a window's closed hours without those in quarantine.

    A quarantine is about one generation of an hour: one that was landed again since is taken in,
    and `validate_window` judges it anew.

    Raises:
        TooMuchQuarantine: their share of the closed hours exceeds `validate.max_quarantined_share`.
    """
    records = ledger.quarantine_records(spec.model, window)
    judged = {r.hour: r.generation for r in records if r.table == TABLE}
    closings, left_out = lake.without({TABLE: judged}).closings(TABLE, window), []
    for hour, generation in judged.items():
        try:
            closing = lake.closing(TABLE, hour)
        except FileCorrupt:  # it is not readable, and nobody reads it
            left_out.append(hour)
            continue
        if closing is not None and closing.generation == generation:
            left_out.append(hour)
        elif closing is not None:
            closings[hour] = closing
    found = ClosedHours(
        closings=dict(sorted(closings.items())), quarantined=tuple(sorted(left_out))
    )
    _require_few(spec, window, found)
    return found


def named(hours: tuple[datetime, ...]) -> str:
    """Return the first hours, for people.

    Example:
        >>> from datetime import UTC, datetime
        >>> named((datetime(2011, 5, 2, 13, tzinfo=UTC),))
        '2011-05-02T13'
    """
    more = " …" if len(hours) > NAMED else ""
    return f"{', '.join(hour_key(hour) for hour in hours[:NAMED])}{more}"


def _require_few(spec: ModelSpec, window: Window, found: ClosedHours) -> None:
    count, limit = len(found.quarantined), spec.validation.max_quarantined_share
    closed = count + len(found.closings)
    if count > limit * closed:
        raise TooMuchQuarantine(
            f"{count} of the {closed} closed hours of {TABLE} in {window} are in quarantine "
            f"({count / closed:.1%}), {limit:.1%} is allowed (validate.max_quarantined_share of "
            f"{spec.model}): {named(found.quarantined)}; see the reasons with `evergreen "
            f"quarantine list --model {spec.model}`, then mend the hours and land them again, or "
            f"release those that are right"
        )
