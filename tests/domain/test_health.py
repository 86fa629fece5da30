"""Which state wins when several could be said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evergreen.domain.health import SEVERITY, SILENT_AFTER, Facts, State, judge_health

CALM = {
    "silent": timedelta(minutes=5),
    "has_champion": True,
    "incident": False,
    "action": "healthy",
    "short_of_data": False,
    "held": False,
    "on_probation": False,
}


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, State.HEALTHY),
        ({"on_probation": True}, State.PROBATION),
        ({"action": "warn"}, State.WARNING),
        ({"action": "request_retrain"}, State.WARNING),
        ({"action": "warn", "on_probation": True}, State.WARNING),
        ({"action": "warn", "held": True}, State.HELD),
        ({"action": "healthy", "held": True}, State.HEALTHY),
        ({"action": "warn", "short_of_data": True}, State.NO_DATA),
        ({"action": "warn", "short_of_data": True, "on_probation": True}, State.PROBATION),
        ({"silent": SILENT_AFTER}, State.SILENT),
        ({"silent": SILENT_AFTER - timedelta(seconds=1)}, State.HEALTHY),
        ({"silent": timedelta(days=9), "incident": True}, State.STALE),
        ({"incident": True, "held": True, "action": "warn"}, State.STALE),
        ({"silent": None, "action": None}, State.NO_DATA),
        ({"silent": None, "action": None, "has_champion": False}, State.NO_CHAMPION),
        ({"action": "warn", "short_of_data": True, "has_champion": False}, State.NO_CHAMPION),
    ],
)
def test_the_state_that_matters_most(facts: dict[str, Any], state: State) -> None:
    assert judge_health(Facts(**{**CALM, **facts})) is state


def test_severity_holds_every_state_once_and_ends_with_healthy() -> None:
    assert sorted(SEVERITY) == sorted(State)
    assert SEVERITY[-1] is State.HEALTHY
