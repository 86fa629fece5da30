"""What each attempt against one champion may spend of the error that all of them may make.

Retraining every hour asks the same question of nearly the same page views again and again, and by
a fixed interval sooner or later noise wins. So every attempt's own error is smaller than the one
before, and their sum stays within the budget: a union bound, which holds however attempts overlap.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One attempt's part of the budget.

    Parameters:
        attempt: which attempt against this champion it is, from 1.
        alpha: what this one may spend: one-sided probability of promoting what is no better.
        spent: by this and all attempts before it.
        total: what all that ever come may spend.
    """

    attempt: int
    alpha: float
    spent: float
    total: float


def budget_of(attempt: int, *, first: float, total: float) -> Budget:
    """Return what an attempt may spend.

    The first spends `first`, attempt j > 1 spends (total - first)/(j (j - 1)); since
    sum_(j > 1) 1/(j (j - 1)) = 1, all together spend `total` (alpha spending, Foster and Stine
    2008, with a fixed sequence). That it falls like 1/j² costs little: in standard errors the bound
    grows like the square root of 4 log j.

    Raises:
        ValueError: attempts count from 1.

    Example:
        >>> [round(budget_of(j, first=0.025, total=0.05).alpha, 6) for j in (1, 2, 3, 100)]
        [0.025, 0.0125, 0.004167, 3e-06]
        >>> round(budget_of(100, first=0.025, total=0.05).spent, 5)
        0.04975
    """
    if attempt < 1:
        raise ValueError(f"attempts count from 1, not {attempt}")
    if attempt == 1:
        return Budget(attempt=1, alpha=first, spent=first, total=total)
    rest = total - first
    alpha = rest / (attempt * (attempt - 1))
    return Budget(attempt=attempt, alpha=alpha, spent=first + rest * (1 - 1 / attempt), total=total)
