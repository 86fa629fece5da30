"""How a model is, in one word: what an operator should know first, before any number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

SILENT_AFTER = timedelta(hours=3)
"""The monitor runs every hour. Three hours without a measurement are not a late hour any more (that
is told `lake.late_after` its end): the scheduler, the lake or the DAG stands still."""


class State(StrEnum):
    """How a model is, worst first: the order in which people should look at them."""

    ERROR = "error"
    """Its `model.yaml` or its part of the ledger cannot be read."""
    STALE = "stale"
    """An incident is open: a retraining was asked for, or a rollback has to be looked at."""
    SILENT = "silent"
    """Nothing has been measured for hours: whatever was said before may be wrong now."""
    HELD = "held"
    """The last challenger did not win, and the monitor is not content with the champion."""
    WARNING = "warning"
    """There is evidence, and nothing was started: cooldown, budget, or not often enough yet."""
    NO_DATA = "no_data"
    """The sensors have too little to judge."""
    NO_CHAMPION = "no_champion"
    """No version has been released."""
    PROBATION = "probation"
    """A new champion is on trial; nothing speaks against it."""
    HEALTHY = "healthy"


SEVERITY = tuple(State)
"""Worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the state depends on.

    Parameters:
        silent: since the newest measurement; None when nothing was ever measured.
        has_champion: whether a version is in force.
        incident: whether one is open.
        action: of the newest decision; None without one.
        short_of_data: whether the CTR sensor lacks data, and no sensor alarms.
        held: whether the newest retraining ended without a promotion, after the last release.
        on_probation: whether the champion is on trial.
    """

    silent: timedelta | None
    has_champion: bool
    incident: bool
    action: str | None
    short_of_data: bool
    held: bool
    on_probation: bool


def judge_health(facts: Facts) -> State:
    """Return the state that matters most.

    Example:
        >>> calm = dict(silent=timedelta(0), has_champion=True, incident=False, action="healthy",
        ...     short_of_data=False, held=False, on_probation=False)
        >>> str(judge_health(Facts(**calm)))
        'healthy'
        >>> str(judge_health(Facts(**{**calm, "silent": timedelta(hours=5)})))
        'silent'
    """
    if facts.incident:
        return State.STALE
    if facts.silent is not None and facts.silent >= SILENT_AFTER:
        return State.SILENT
    if not facts.has_champion and facts.action in (None, "warn"):
        return State.NO_CHAMPION
    if facts.silent is None:
        return State.NO_DATA
    return _measured(facts)


def _measured(facts: Facts) -> State:
    content = facts.action in (None, "healthy")
    if facts.held and not content:
        return State.HELD
    if facts.short_of_data:
        return State.PROBATION if facts.on_probation else State.NO_DATA
    if not content:
        return State.WARNING
    return State.PROBATION if facts.on_probation else State.HEALTHY
