"""Slices of the holdout: a model that is better overall may not be much worse for some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evergreen.domain.cluster_estimate import ClusterEstimate, estimate_mean
from evergreen.domain.gate_rule import GateRule, RuleVerdict, has_power, non_inferior

MAX_LEVELS = 20
OTHER = "other"
UNKNOWN = "unknown"
"""Page views without a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One slice: its name for people, and which page views it holds, [N]."""

    name: str
    rows: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceLoss:
    """The change within one level against the champion's metric there."""

    level: Level
    change: ClusterEstimate
    margin: float


def levels_by_value(column: str, values: ArrayLike) -> list[Level]:
    """Return a level for each value, the most frequent first; the rarest share one, `other`.

    Parameters:
        column: for the names, `country=France`.
        values: of each page view as text, None where unknown, [N].

    Example:
        >>> [level.name for level in levels_by_value("country", ["FR", None, "FR"])]
        ['country=FR', 'country=unknown']
    """
    text = np.array([UNKNOWN if value is None else str(value) for value in np.asarray(values, "O")])
    names, code, counts = np.unique(text, return_inverse=True, return_counts=True)
    order = np.lexsort((names, -counts))
    if names.size > MAX_LEVELS:
        kept, rest = order[: MAX_LEVELS - 1], order[MAX_LEVELS - 1 :]
        pooled = [Level(name=f"{column}={OTHER}", rows=np.isin(code, rest))]
    else:
        kept, pooled = order, []
    return [Level(name=f"{column}={names[i]}", rows=code == i) for i in kept] + pooled


def levels_by_quantile(column: str, values: ArrayLike, *, parts: int) -> list[Level]:
    """Return a level for each part of equal size, `q1` the lowest; `unknown` where NaN.

    A value that many page views share is in one part only, so that parts can be fewer.

    Parameters:
        values: of each page view, NaN where unknown, [N].

    Example:
        >>> [level.rows.tolist() for level in levels_by_quantile("price", [1, 4, 2, 3], parts=2)]
        [[True, False, True, False], [False, True, False, True]]
    """
    number = np.asarray(values, dtype=float)
    known = np.isfinite(number)
    levels = []
    if known.any():
        edges = np.quantile(number[known], np.arange(1, parts) / parts)
        part = np.searchsorted(edges, number, side="left")
        levels = [
            Level(name=f"{column} q{i + 1}", rows=known & (part == i))
            for i in range(parts)
            if (known & (part == i)).any()
        ]
    if not known.all():
        levels.append(Level(name=f"{column} {UNKNOWN}", rows=~known))
    return levels


def judge_slices(
    levels: list[Level],
    challenger: ArrayLike,
    champion: ArrayLike,
    clusters: ArrayLike,
    *,
    metric: str,
    max_loss: float,
    alpha: float,
) -> list[GateRule]:
    """Say of each level whether the challenger loses less than `max_loss` of the champion's metric.

    A non-inferiority test a level. Bonferroni's alpha/m counts those m levels that have enough data
    at that alpha: an equal model would pass in 80 % of cases. Which these are depends on how the
    differences vary, not on their mean. The others fail only when even the best case, at alpha over
    all levels, is a loss beyond the margin.

    Parameters:
        challenger, champion: the metric of each page view, [N].
        max_loss: relative to the champion's mean in the level; smaller is stricter.
        alpha: one-sided error of all levels together.
    """
    theirs = np.asarray(champion, dtype=float)
    difference, made_by = np.asarray(challenger, dtype=float) - theirs, np.asarray(clusters)
    losses = [
        SliceLoss(
            level=level,
            change=estimate_mean(difference[level.rows], made_by[level.rows]),
            margin=max_loss * float(theirs[level.rows].mean()),
        )
        for level in levels
    ]
    judged = _with_enough_data(losses, alpha)
    return [
        _rule(
            loss,
            metric,
            max_loss,
            alpha / (judged if _enough(loss, alpha, judged) else len(losses)),
        )
        for loss in losses
    ]


def missing_slice(column: str, why: str) -> GateRule:
    """Return the rule of a slice that is asked for and not there: it fails."""
    return GateRule(
        name="slice",
        subject=column,
        verdict=RuleVerdict.FAIL,
        text=f"slice {column} is asked for in gate.slices, but {why}",
    )


def _with_enough_data(losses: list[SliceLoss], alpha: float) -> int:
    """Return the largest m so that m levels have enough data at alpha/m, at least 1."""
    for count in range(len(losses), 1, -1):
        if sum(_enough(loss, alpha, count) for loss in losses) >= count:
            return count
    return 1


def _enough(loss: SliceLoss, alpha: float, count: int) -> bool:
    return has_power(loss.change, margin=loss.margin, alpha=alpha / count)


def _rule(loss: SliceLoss, metric: str, max_loss: float, alpha: float) -> GateRule:
    change = loss.change
    verdict = non_inferior(change, margin=loss.margin, alpha=alpha, higher_is_better=True)
    lower, upper = change.bounds(alpha)
    champion = loss.margin / max_loss
    relative = f" ({change.value / champion:+.1%})" if champion > 0 else ""
    outcome: Mapping[RuleVerdict, str] = {
        RuleVerdict.PASS: "not much worse",
        RuleVerdict.FAIL: "a loss is not ruled out",
        RuleVerdict.NOT_ENOUGH_DATA: "not enough data",
    }
    return GateRule(
        name="slice",
        subject=loss.level.name,
        value=change.value,
        lower=lower,
        upper=upper,
        bound=-loss.margin,
        rows=change.rows,
        clusters=change.clusters,
        verdict=verdict,
        text=(
            f"slice {loss.level.name}: {outcome[verdict]}: {metric} {change.value:+.4f}{relative}, "
            f"lower bound {lower:+.4f}, may lose {loss.margin:.4f} ({max_loss:.0%}) "
            f"({change.rows:,} page views, {change.clusters:,} clusters)"
        ),
    )
