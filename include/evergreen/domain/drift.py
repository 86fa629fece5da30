"""Whether the model has drifted: columns that it rests on have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evergreen.domain.column_drift import ColumnDrift
from evergreen.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftJudgement:
    """The answer, what it rests on, and the bound it was held against.

    Parameters:
        importance: held by the columns that have drifted; a gain share, above 1 with outputs.
        columns: what each view says of each column.
    """

    verdict: Verdict
    reason: str
    importance: float
    min_importance: float
    columns: tuple[ColumnDrift, ...]


def judge_drift(
    columns: Sequence[ColumnDrift],
    *,
    min_importance: float,
    impressions: int,
    min_impressions: int,
) -> DriftJudgement:
    """Say whether columns that hold `min_importance` of the model's gain have drifted.

    A column counts once, whichever view found it. When the columns that could be judged hold less
    than `min_importance` together, there is not enough data; nor is there in a closed or thin hour,
    whatever the day before it looked like.

    Parameters:
        min_importance: share of the gain, 0 to 1; higher alarms later.
        impressions: of the newest hour.
        min_impressions: an hour with fewer never alarms.
    """
    drifted = _by_column(columns, Verdict.YES)
    judged = {**_by_column(columns, Verdict.NO), **drifted}
    weight = sum(c.importance for c in drifted.values())
    if impressions < min_impressions:
        verdict = Verdict.NOT_ENOUGH_DATA
        reason = f"{impressions} impressions in the newest hour, {min_impressions} needed"
    elif drifted and weight >= min_importance:
        verdict, reason = Verdict.YES, f"{_list(drifted)}; {_held(drifted, weight)}"
    elif sum(c.importance for c in judged.values()) < min_importance:
        verdict, reason = Verdict.NOT_ENOUGH_DATA, _lacking(columns)
    elif drifted:
        verdict = Verdict.NO
        reason = f"{_list(drifted)}, but {_held(drifted, weight)}, {min_importance:.0%} needed"
    else:
        verdict, reason = Verdict.NO, _largest(judged)
    return DriftJudgement(
        verdict=verdict,
        reason=reason,
        importance=weight,
        min_importance=min_importance,
        columns=tuple(columns),
    )


def _by_column(columns: Sequence[ColumnDrift], verdict: Verdict) -> dict[str, ColumnDrift]:
    return {c.column: c for c in reversed(columns) if c.verdict is verdict}


SHOWN = 3


def _list(drifted: dict[str, ColumnDrift]) -> str:
    ranked = sorted(drifted.values(), key=lambda c: (-c.importance, c.column))
    texts = [f"{c.column} ({c.view} {c.kind}: {c.reason})" for c in ranked[:SHOWN]]
    more = f" and {len(ranked) - SHOWN} more" if len(ranked) > SHOWN else ""
    return "drifted: " + ", ".join(texts) + more


def _held(drifted: dict[str, ColumnDrift], weight: float) -> str:
    them = "it holds" if len(drifted) == 1 else "they hold"
    return f"{them} {min(weight, 1):.0%} of what the model rests on"


def _lacking(columns: Sequence[ColumnDrift]) -> str:
    if not columns:
        return "no reference profile to compare with"
    ranked = sorted(columns, key=lambda c: (-c.importance, c.column))
    return f"{ranked[0].column}: {ranked[0].reason}"


def _largest(judged: dict[str, ColumnDrift]) -> str:
    top = max(judged.values(), key=lambda c: c.psi or 0.0)
    return f"largest PSI {top.psi or 0:.2f} in {top.column} over {top.view}"
