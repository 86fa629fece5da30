"""One rule of the gate: what was found, what it was held against, and the answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

from evergreen.domain.cluster_estimate import ClusterEstimate

POWER = 0.8
"""A margin is only held against data in which an equal model passes this often (Cohen 1988)."""


class RuleVerdict(StrEnum):
    """What a rule says. `not_enough_data` neither passes nor fails."""

    PASS = "pass"  # noqa: S105  (no password)
    FAIL = "fail"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """One rule's value with interval, its bound, the data it rests on, and the answer.

    Parameters:
        name: `gain`, `slice`, …
        subject: which slice; empty elsewhere.
        lower, upper: equal to the value where there is no interval.
    """

    name: str
    verdict: RuleVerdict
    text: str
    subject: str = ""
    value: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    bound: float = float("nan")
    rows: int = 0
    clusters: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON, which knows neither NaN nor infinity: they are null."""
        found = {**asdict(self), "verdict": str(self.verdict)}
        return {
            k: None if isinstance(v, float) and not isfinite(v) else v for k, v in found.items()
        }


def non_inferior(
    change: ClusterEstimate, *, margin: float, alpha: float, higher_is_better: bool
) -> RuleVerdict:
    """Say whether a change for the worse of `margin` or more can be ruled out.

    Pass: the bound of the worse side lies within the margin. Not enough data: a model that is
    equal would pass in fewer than `POWER` of cases, (t_(1 - alpha) + t_POWER) · standard error >
    margin. Fail: otherwise, and also when little data shows that the change surely exceeds the
    margin.

    Parameters:
        change: challenger minus champion.
        margin: 0 or more; smaller is stricter.
        alpha: one-sided error of each bound.

    Example:
        >>> worse = ClusterEstimate(
        ...     value=-0.03, standard_error=0.01, rows=900, clusters=900, freedom=899.0)
        >>> str(non_inferior(worse, margin=0.04, alpha=0.05, higher_is_better=True))
        'fail'
    """
    lower, upper = change.bounds(alpha)
    worst, best = (-lower, -upper) if higher_is_better else (upper, lower)
    if worst <= margin:
        return RuleVerdict.PASS
    if best > margin or has_power(change, margin=margin, alpha=alpha):
        return RuleVerdict.FAIL
    return RuleVerdict.NOT_ENOUGH_DATA


def has_power(change: ClusterEstimate, *, margin: float, alpha: float) -> bool:
    """Say whether an equal model would pass a margin in `POWER` of cases; False with NaN."""
    reach = change.quantile(1 - alpha) + change.quantile(POWER)
    return reach * change.standard_error <= margin
