"""The evaluation gate: a challenger takes the place only when it has proved to be better."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from evergreen.domain.bootstrap import MeanInterval


class GateVerdict(StrEnum):
    """What the gate says of a challenger."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    """What must be proved.

    Parameters:
        metric: name of the primary metric, for the reasons.
        min_gain: the gain's lower bound must lie above it; higher promotes less.
        min_page_views: fewer are inconclusive.
    """

    metric: str
    min_gain: float
    min_page_views: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """One rule: its value with interval, the bound it is held against, and whether it passed."""

    name: str
    value: float
    lower: float
    upper: float
    bound: float
    passed: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The verdict, every rule behind it, and reasons a person can read."""

    verdict: GateVerdict
    rules: tuple[GateRule, ...]
    reasons: tuple[str, ...]


def judge_challenger(
    *, gain: MeanInterval | None, baseline_gain: MeanInterval, policy: GatePolicy
) -> GateDecision:
    """Decide on a challenger from paired differences on the same holdout page views.

    Rules, in order: *size* (enough page views), *gain* over the champion (lower bound above
    `min_gain`), *baseline* (beats the popularity list: lower bound above 0). Without a champion
    only size and baseline hold. Too few page views are INCONCLUSIVE, a failed rule is HOLD.

    Parameters:
        gain: challenger minus champion, a page view; None without a champion.
        baseline_gain: challenger minus popularity, a page view.
    """
    size = _size_rule(baseline_gain.rows, policy.min_page_views)
    compared = [] if gain is None else [_gain_rule("gain", "champion", gain, policy)]
    baseline = GatePolicy(metric=policy.metric, min_gain=0.0, min_page_views=0)
    compared.append(_gain_rule("baseline", "popularity", baseline_gain, baseline))
    rules = (size, *compared)
    if not size.passed:
        verdict = GateVerdict.INCONCLUSIVE
    elif all(rule.passed for rule in rules):
        verdict = GateVerdict.PROMOTE
    else:
        verdict = GateVerdict.HOLD
    reasons = tuple(r.text for r in rules if not r.passed) or tuple(r.text for r in compared)
    return GateDecision(verdict=verdict, rules=rules, reasons=reasons)


def _size_rule(rows: int, needed: int) -> GateRule:
    return GateRule(
        name="size",
        value=rows,
        lower=rows,
        upper=rows,
        bound=needed,
        passed=rows >= needed,
        text=f"holdout has {rows:,} page views, {needed:,} needed",
    )


def _gain_rule(name: str, other: str, gain: MeanInterval, policy: GatePolicy) -> GateRule:
    passed = gain.lower > policy.min_gain  # False with NaN, as it must be
    outcome = "better than" if passed else "not proved better than"
    return GateRule(
        name=name,
        value=gain.value,
        lower=gain.lower,
        upper=gain.upper,
        bound=policy.min_gain,
        passed=passed,
        text=(
            f"{outcome} the {other}: {policy.metric} {gain.value:+.4f}, interval "
            f"{gain.lower:+.4f} to {gain.upper:+.4f}, must lie above {policy.min_gain:g} "
            f"({gain.rows:,} page views, {gain.clusters:,} clusters)"
        ),
    )
