"""Which attempt against a champion a run is, from the ledger: asked again it is the same one."""

from __future__ import annotations

from typing import Any

from evergreen.adapters.ledger import Ledger

ATTEMPTS = "attempts"
"""Key of a run's body: champion (0: none) to the number of the run's attempt against it."""


def attempt_of(ledger: Ledger, model: str, run_key: str, champion: int | None) -> int:
    """Return the number of this run's attempt against a champion, from 1.

    Every other run that was compared with it counts, whatever its verdict.
    """
    against, others = str(champion or 0), 0
    for key, body in ledger.verdicts(model).items():
        number = _attempts(body).get(against)
        if key == run_key and number is not None:
            return number
        others += number is not None
    return others + 1


def with_attempt(
    before: dict[str, Any] | None, champion: int | None, number: int
) -> dict[str, int]:
    """Return a run's attempts with one more, those against earlier champions kept."""
    return {**_attempts(before or {}), str(champion or 0): number}


def _attempts(body: dict[str, Any]) -> dict[str, int]:
    """Return a run's attempts; of a run from before they were numbered, that it was one."""
    if ATTEMPTS in body:
        return dict(body[ATTEMPTS])
    compared = "expected" in body and body["expected"] != body.get("version")
    return {str(body["expected"] or 0): 1} if compared else {}
