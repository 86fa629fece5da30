"""When a policy retrains, by its name: `frozen`, `daily`, `every_7d`, `triggered`, …"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import timedelta

from evergreen.domain.errors import BacktestInvalid

DAY = timedelta(days=1)
TRIGGERED, GATED = "triggered", "_gated"
ALIASES = {"daily": 1, "weekly": 7, "monthly": 28}
KNOWN = ("frozen", *ALIASES, "every_28d", "every_7d", TRIGGERED)
_EVERY = re.compile(r"every_([1-9]\d{0,2})d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One way to keep a model fresh.

    Parameters:
        every: the fixed schedule; None without one.
        triggered: the monitor asks for retrainings.
        gated: a challenger must pass the gate; else it is deployed whatever it is worth, which is
            how schedules are usually run.
    """

    name: str
    every: timedelta | None
    triggered: bool
    gated: bool

    @property
    def retrains(self) -> bool:
        """Whether it ever trains again."""
        return self.triggered or self.every is not None


def parse_policy(name: str) -> Policy:
    """Return the policy of a name.

    Example:
        >>> parse_policy("every_7d").every, parse_policy("daily_gated").gated
        (datetime.timedelta(days=7), True)

    Raises:
        BacktestInvalid: nobody knows it; the text names the nearest one.
    """
    base = name.removesuffix(GATED)
    match = _EVERY.fullmatch(base)
    days = ALIASES.get(base, int(match[1]) if match else 0)
    if days:
        return Policy(name=name, every=days * DAY, triggered=False, gated=base != name)
    if name == TRIGGERED:
        return Policy(name=name, every=None, triggered=True, gated=True)
    if name == "frozen":
        return Policy(name=name, every=None, triggered=False, gated=False)
    near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0)[0]
    raise BacktestInvalid(
        f"unknown policy {name[:60]!r}; did you mean {near}? Known are frozen, daily, weekly, "
        f"monthly, every_<days>d, each schedule with _gated behind it, and triggered"
    )


def parse_policies(text: str) -> tuple[Policy, ...]:
    """Return the policies of a list with commas, each once, in their order.

    Raises:
        BacktestInvalid: one is unknown, or there is none.
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise BacktestInvalid("no policy named; write --policies frozen,daily,triggered")
    return tuple(parse_policy(name) for name in names)
