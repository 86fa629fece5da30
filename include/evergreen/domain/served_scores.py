"""Are the scores that a new champion serves those that the gate has judged?"""

from __future__ import annotations

from dataclasses import dataclass

from evergreen.domain.verdict import Verdict

MIN_ROWS = 200
"""Fewer impressions say nothing: an evening hour of UCI's log with 45, all beside a handful of
items, had a PSI of 1.2 although all was well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedScores:
    """Whether the served scores fail the champion (`yes`), and everything that says so.

    Parameters:
        psi: against the profile, whose scores are of the lists that were to be published.
        rows: impressions of the champion in the last 24 hours.
    """

    verdict: Verdict
    reason: str
    psi: float
    bound: float
    rows: int


def judge_served_scores(
    drifted: Verdict, psi: float | None, rows: int, *, max_psi: float, min_rows: int = MIN_ROWS
) -> ServedScores | None:
    """Judge the scores of the champion's last 24 hours; None where nothing was compared.

    The profile holds how the scores of the very lists were distributed that the gate let pass. What
    is published wrongly (turned upside down, of another model, joined to the wrong items) differs
    at once, long before clicks can tell: on UCI's log the PSI of healthy champions stayed below
    0.11 in their first three days, and that of inverted lists was 8.3 in the first hour.

    Parameters:
        drifted: `yes`: surprising and large, by the drift sensor's own thresholds.
        max_psi: a drift of more fails; higher fails less.
        min_rows: fewer are not enough; higher fails later.

    Example:
        >>> judge_served_scores(Verdict.YES, 8.28, 370, max_psi=2.0).verdict
        <Verdict.YES: 'yes'>
    """
    if psi is None:
        return None
    text = f"PSI {psi:.2f} over 24 hours, {rows:,} impressions, fails above {max_psi:g}"
    if rows < min_rows or drifted is Verdict.NOT_ENOUGH_DATA:
        verdict, reason = Verdict.NOT_ENOUGH_DATA, f"{text}; {min_rows:,} needed"
    elif drifted is Verdict.YES and psi > max_psi:
        verdict = Verdict.YES
        reason = f"its scores are not those that the gate judged: {text}"
    else:
        verdict, reason = Verdict.NO, text
    return ServedScores(verdict=verdict, reason=reason, psi=psi, bound=max_psi, rows=rows)


def with_served_scores(
    verdict: Verdict, reason: str, scores: ServedScores | None
) -> tuple[Verdict, str]:
    """Return what probation says by clicks and by scores: the latter need no mature click."""
    if scores is None or scores.verdict is not Verdict.YES:
        return verdict, reason
    return Verdict.YES, f"{scores.reason}; {reason}"
