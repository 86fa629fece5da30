"""A rule: what one fact must be, how bad it is where it is not, and why.

An error is damage, which no shop produces: its hours are left out of training. A warning is what a
shop may well produce, and a person should see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Learn = Literal["highest", "lowest", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a fact must be.

    Parameters:
        low, high: inclusive bounds; None: open.
        equal: the one value allowed, in place of bounds.
        severity: `critical` is an error, `warning` is reported.
        where: the rows that it is about, as a pandas query; None: all.
        learn: which extreme of the reference days moves its bound outwards.
        factor: how far beyond the extreme the bound lies.
        floor, cap: a learnt upper bound is at least and at most this; without a floor the rule's
            own bound is it, so that good days only widen it.
        mostly: share of the rows that must meet it.
        by_feature: a feature that breaks it on the reference days is left out.
        optional: left out where the reference days never have its fact, or mostly break it: the
            log is of another kind.
    """

    fact: str
    why: str
    low: float | None = None
    high: float | None = None
    equal: bool | None = None
    severity: Literal["critical", "warning"] = "critical"
    where: str | None = None
    learn: Learn | None = None
    factor: float = 2.0
    floor: float | None = None
    cap: float | None = None
    mostly: float = 1.0
    by_feature: bool = False
    optional: bool = False

    def breaks(self, value: Any) -> bool:
        """Return whether a value does not meet the rule; a missing one does."""
        if value is None:
            return False
        if self.equal is not None:
            return bool(value != self.equal)
        return (self.low is not None and value < self.low) or (
            self.high is not None and value > self.high
        )


def none_of(fact: str, why: str, **more: Any) -> Rule:
    """Return the rule that a count is 0."""
    return Rule(fact=fact, why=why, high=0, **more)
