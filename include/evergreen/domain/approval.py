"""Whether a person is asked before a challenger serves, and what the person said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from evergreen.domain.windows import as_utc

When = Literal["never", "inconclusive", "always"]
Next = Literal["promote", "ask_operator", "hold"]
Answer = Literal["promote", "hold"]
ASKED_ABOUT: Mapping[When, tuple[str, ...]] = {
    "never": (),
    "inconclusive": ("INCONCLUSIVE",),
    "always": ("PROMOTE", "INCONCLUSIVE"),
}


def next_task(verdict: str, when: When, *, may_ask: bool = True) -> Next:
    """Return what follows the gate's verdict.

    `inconclusive` asks a person about INCONCLUSIVE, `always` about PROMOTE too. HOLD is never
    asked about: a rule has failed, and an answer would only overrule it.

    Parameters:
        verdict: `PROMOTE`, `HOLD` or `INCONCLUSIVE`.
        may_ask: False in a replay, which asks nobody and so holds where it would have asked.

    Example:
        >>> [next_task(v, "inconclusive") for v in ("PROMOTE", "INCONCLUSIVE", "HOLD")]
        ['promote', 'ask_operator', 'hold']
        >>> next_task("PROMOTE", "always", may_ask=False)
        'hold'
    """
    if verdict in ASKED_ABOUT[when]:
        return "ask_operator" if may_ask else "hold"
    return "promote" if verdict == "PROMOTE" else "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRecord:
    """What was answered, by whom and when; it stands in the release's evidence and the run's body.

    Parameters:
        by: who answered; None when nobody did in time and the default was taken.
        at: ISO 8601, UTC.
        note: what the person wrote, maybe nothing.
    """

    answer: Answer
    by: str | None
    at: str
    note: str = ""

    @property
    def timed_out(self) -> bool:
        """Whether the default was taken."""
        return self.by is None

    def in_words(self) -> str:
        """Return one line for people.

        Example:
            >>> at = "2011-05-02T13:00:00+00:00"
            >>> ApprovalRecord(answer="hold", by="ann", at=at, note="sale week").in_words()
            'held by ann at 2011-05-02 13:00 UTC: sale week'
            >>> ApprovalRecord(answer="promote", by=None, at=at).in_words()
            'nobody answered until 2011-05-02 13:00 UTC: the default, promote, was taken'
        """
        moment = f"{as_utc(datetime.fromisoformat(self.at)):%Y-%m-%d %H:%M} UTC"
        if self.timed_out:
            return f"nobody answered until {moment}: the default, {self.answer}, was taken"
        did = "approved" if self.answer == "promote" else "held"
        return f"{did} by {self.by} at {moment}" + (f": {self.note}" if self.note else "")

    def body(self) -> dict[str, Any]:
        """Return what is kept."""
        return {
            "answer": self.answer,
            "by": self.by,
            "at": self.at,
            "note": self.note,
            "timed_out": self.timed_out,
            "text": self.in_words(),
        }
