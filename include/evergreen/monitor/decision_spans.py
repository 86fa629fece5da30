"""Decisions as people read them: hours after one another with the same action are one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evergreen.adapters.ledger_views import DecisionView
from evergreen.domain.windows import HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSpan:
    """Hours with the same decision.

    Parameters:
        first, last: the oldest and the newest hour.
        reasons: of the newest one.
        replay: whether only a look at the past decided so; nothing was done then.
    """

    action: str
    would: str
    first: datetime
    last: datetime
    hours: int
    reasons: list[str]
    replay: bool


def decision_spans(decisions: Sequence[DecisionView], *, limit: int) -> list[DecisionSpan]:
    """Return the spans, newest first; of an hour that was decided live a replay is left out.

    Parameters:
        decisions: newest first, the live one of an hour before its replay.
    """
    spans: list[DecisionSpan] = []
    seen: datetime | None = None
    for said in decisions:
        if said.hour == seen:
            continue
        seen = said.hour
        last = spans[-1] if spans else None
        if last is not None and _continues(said, last):
            spans[-1] = DecisionSpan(
                action=last.action,
                would=last.would,
                first=said.hour,
                last=last.last,
                hours=last.hours + 1,
                reasons=last.reasons,
                replay=last.replay,
            )
            continue
        if len(spans) == limit:
            break
        spans.append(
            DecisionSpan(
                action=said.action,
                would=said.would or said.action,
                first=said.hour,
                last=said.hour,
                hours=1,
                reasons=[str(reason) for reason in said.reasons],
                replay=said.replay,
            )
        )
    return spans


def _continues(said: DecisionView, span: DecisionSpan) -> bool:
    same = (said.action, said.would or said.action, said.replay)
    return same == (span.action, span.would, span.replay) and said.hour == span.first - HOUR
