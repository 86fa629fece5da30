"""How the promised rate of false alarms is shared among the sensors.

The rates add up (a union bound), so the promise holds for all sensors together. The CTR sensor gets
most of it, since there every hour sooner costs false alarms; the drift sensor also asks for a large
change, which noise hardly ever makes, and needs little.
"""

from __future__ import annotations

CTR_SHARE = 0.75
HOURS_A_YEAR = 8_760
TESTS_A_COLUMN = 6
"""Shift, missing and never seen values, over 24 hours and over one."""


def ctr_alarms_per_year(false_alarms_per_year: float) -> float:
    """Return the CTR sensor's part of the promise.

    Example:
        >>> ctr_alarms_per_year(1.0)
        0.75
    """
    return CTR_SHARE * false_alarms_per_year


def drift_alpha(false_alarms_per_year: float, columns: int) -> float:
    """Return the probability of a false surprise that each test of each hour may have.

    Bonferroni over hours, columns and tests; that the hours overlap makes it stricter.

    Example:
        >>> round(drift_alpha(1.0, 30) * 1e9, 1)
        158.5
    """
    tests = HOURS_A_YEAR * TESTS_A_COLUMN * max(columns, 1)
    return (1 - CTR_SHARE) * false_alarms_per_year / tests
