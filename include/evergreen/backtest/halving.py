"""Successive halving over time: many settings on the first part of a history, few on more of it.

Jamieson and Talwalkar 2016. A rung judges on all parts so far, oldest first, so that no setting is
ever chosen by what came later; the last part is kept for the proof and chooses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evergreen.backtest.settings_space import Settings
from evergreen.domain.errors import BacktestInvalid
from evergreen.domain.windows import Window

KEPT = 0.5
"""Share of the settings that goes on to the next rung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a setting earned over a window.

    Parameters:
        retrains: trainings that it asked for.
    """

    clicks: int
    impressions: int
    retrains: int

    @property
    def ctr(self) -> float:
        """Clicks per impression; 0 without impressions."""
        return self.clicks / self.impressions if self.impressions else 0.0

    def worth(self, price: float) -> float:
        """Return clicks, less what the retrainings cost in clicks."""
        return self.clicks - price * self.retrains

    def since(self, earlier: Score) -> Score:
        """Return what came after an earlier part."""
        return Score(
            clicks=self.clicks - earlier.clicks,
            impressions=self.impressions - earlier.impressions,
            retrains=self.retrains - earlier.retrains,
        )


Judge = Callable[[Sequence[Settings], Window], Sequence[Score]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One setting and what it earned, rung by rung.

    Parameters:
        scores: of the growing windows, as far as it came.
        proof: of the last part, which chose nothing; None for those that fell out.
    """

    settings: Settings
    scores: tuple[Score, ...]
    proof: Score | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""

        def body(score: Score) -> dict[str, Any]:
            return {
                "clicks": score.clicks,
                "ctr": round(score.ctr, 6),
                "retrains": score.retrains,
            }

        return {
            "settings": dict(self.settings),
            "scores": [body(score) for score in self.scores],
            "proof": body(self.proof) if self.proof else None,
        }


def parts_of(window: Window, parts: int) -> list[Window]:
    """Return the growing windows: the first part, the first two, … up to the whole.

    Raises:
        BacktestInvalid: fewer than two parts, or parts shorter than a week.
    """
    days = window.length.days // parts if parts >= 2 else 0
    if days < 7:
        raise BacktestInvalid(
            f"{window} in {parts} parts: expected two or more, each of a week at least"
        )
    day = (window.end - window.start) / window.length.days
    ends = [window.start + days * (i + 1) * day for i in range(parts - 1)]
    return [Window(window.start, end) for end in (*ends, window.end)]


def halve(
    settings: Sequence[Settings], windows: Sequence[Window], judge: Judge, *, price: float
) -> list[Tried]:
    """Return every setting with what it earned, the best one first.

    The first setting is the one to beat: it goes through all rungs. All windows but the last
    choose; on the last the survivors are proved.

    Parameters:
        windows: growing, of `parts_of`.
        judge: replays settings over a window.
        price: clicks that a retraining must win to be worth it.
    """
    alive = [Tried(settings=s, scores=()) for s in settings]
    fallen: list[Tried] = []
    for rung, window in enumerate(windows[:-1]):
        if rung:
            keep = max(2, round(len(alive) * KEPT))
            ranked = sorted(alive[1:], key=lambda t: -t.scores[-1].worth(price))
            alive, out = [alive[0], *ranked[: keep - 1]], ranked[keep - 1 :]
            fallen = [*out, *fallen]
        found = judge([tried.settings for tried in alive], window)
        alive = [
            Tried(settings=t.settings, scores=(*t.scores, score))
            for t, score in zip(alive, found, strict=True)
        ]
    whole = judge([tried.settings for tried in alive], windows[-1])
    alive = [
        Tried(settings=t.settings, scores=t.scores, proof=score.since(t.scores[-1]))
        for t, score in zip(alive, whole, strict=True)
    ]
    ranked = sorted(alive, key=lambda t: -t.scores[-1].worth(price))
    return [*ranked, *fallen]


def proposed(tried: Sequence[Tried], *, price: float) -> Tried | None:
    """Return the best setting, if it also beats model.yaml's own on the part that chose nothing."""
    own = next(t for t in tried if not t.settings)
    best = tried[0]
    if best is own or best.proof is None or own.proof is None:
        return None
    return best if best.proof.worth(price) > own.proof.worth(price) else None


def front(tried: Sequence[Tried]) -> list[tuple[int, float, Mapping[str, Any]]]:
    """Return the trade-off: of the survivors those that nobody beats in clicks with fewer
    retrainings, by retrainings, over their longest window that chose."""
    alive = [(t.scores[-1], t.settings) for t in tried if t.proof is not None]
    found: list[tuple[int, float, Mapping[str, Any]]] = []
    for score, settings in sorted(alive, key=lambda one: (one[0].retrains, -one[0].clicks)):
        if not found or score.ctr > found[-1][1]:
            found.append((score.retrains, score.ctr, settings))
    return found
