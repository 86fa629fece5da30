"""Are the scores that a new champion serves those that the gate has judged?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evergreen.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreView:
    """What one view (24 hours or one) of the drift sensor says of the served scores.

    Parameters:
        verdict: `yes`: surprising and large, by the sensor's own thresholds.
        psi: against the profile, whose scores are of the lists that were to be published; None
            where nothing could be compared.
        rows: impressions.
    """

    name: str
    verdict: Verdict
    psi: float | None
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedScores:
    """The view that tells most, and whether it fails the champion (`yes`)."""

    verdict: Verdict
    reason: str
    view: str
    psi: float | None
    bound: float
    rows: int


def judge_served_scores(views: Sequence[ScoreView], *, max_psi: float) -> ServedScores | None:
    """Judge the newest hour's scores; None where nothing was compared.

    The profile holds how the scores of the very lists were distributed that the gate let pass. What
    is published wrongly (turned upside down, of another model, joined to the wrong items) differs
    at once, long before clicks can tell: on UCI's log a healthy champion's hour had a PSI of 0.15
    at most, and inverted lists 8.3 in their first hour.

    Parameters:
        max_psi: a drift of more fails; higher fails less.

    Example:
        >>> day = ScoreView(name="24h", verdict=Verdict.YES, psi=8.28, rows=370)
        >>> judge_served_scores([day], max_psi=1.0).verdict
        <Verdict.YES: 'yes'>
    """
    known = [view for view in views if view.psi is not None]
    if not known:
        return None
    worst = max(known, key=lambda view: (view.verdict is Verdict.YES, view.psi or 0.0))
    psi = worst.psi or 0.0
    failed = worst.verdict is Verdict.YES and psi > max_psi
    text = f"PSI {psi:.2f} over {worst.name}, fails above {max_psi:g}"
    return ServedScores(
        verdict=Verdict.YES if failed else Verdict.NO,
        reason=f"its scores are not those that the gate judged: {text}" if failed else text,
        view=worst.name,
        psi=worst.psi,
        bound=max_psi,
        rows=worst.rows,
    )
