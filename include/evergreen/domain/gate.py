"""The evaluation gate: a challenger takes the place only when it has proved to be better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from evergreen.domain.gate_rule import GateRule, RuleVerdict

MUST_PASS = frozenset({"size", "gain", "baseline"})
"""Rules that must be proved; of the others it is enough not to fail."""
ABOUT_DATA = frozenset({"size", "power"})


class GateVerdict(StrEnum):
    """What the gate says of a challenger."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The verdict, every rule behind it, and reasons a person can read."""

    verdict: GateVerdict
    rules: tuple[GateRule, ...]
    reasons: tuple[str, ...]


def decide(rules: Sequence[GateRule]) -> GateDecision:
    """Return the verdict of all rules.

    HOLD when the version is blocked. INCONCLUSIVE when the holdout is too small for any judgement
    (*size*). HOLD when a rule fails. INCONCLUSIVE when none fails, but *gain* or *baseline* is not
    proved on a holdout too small to have found the wanted gain. Else PROMOTE. Reasons are the
    rules that stood in the way; of a PROMOTE those that were proved.
    """
    failed = [rule for rule in rules if rule.verdict is RuleVerdict.FAIL]
    open_rules = [r for r in rules if r.verdict is RuleVerdict.NOT_ENOUGH_DATA]
    small = [rule for rule in open_rules if rule.name == "size"]
    blocked = [rule for rule in failed if rule.name == "blocked"]
    unproved = [rule for rule in open_rules if rule.name in MUST_PASS]
    if blocked:
        verdict, reasons = GateVerdict.HOLD, blocked
    elif small:
        verdict, reasons = GateVerdict.INCONCLUSIVE, small
    elif failed:
        verdict, reasons = GateVerdict.HOLD, failed
    elif unproved:
        verdict = GateVerdict.INCONCLUSIVE
        reasons = unproved + [rule for rule in open_rules if rule.name == "power"]
    else:
        verdict = GateVerdict.PROMOTE
        reasons = [rule for rule in rules if rule.name in MUST_PASS - ABOUT_DATA]
    return GateDecision(
        verdict=verdict, rules=tuple(rules), reasons=tuple(rule.text for rule in reasons)
    )


def size_rule(page_views: int, needed: int) -> GateRule:
    """Say whether the holdout has enough page views for any judgement."""
    return GateRule(
        name="size",
        value=page_views,
        lower=page_views,
        upper=page_views,
        bound=needed,
        rows=page_views,
        verdict=RuleVerdict.PASS if page_views >= needed else RuleVerdict.NOT_ENOUGH_DATA,
        text=f"holdout has {page_views:,} page views, {needed:,} needed",
    )


def blocked_rule(version: int, blocked: frozenset[int]) -> GateRule | None:
    """Return the rule that holds a version which its probation rolled back; None for others."""
    if version not in blocked:
        return None
    return GateRule(
        name="blocked",
        value=version,
        verdict=RuleVerdict.FAIL,
        text=f"version {version} was champion and failed its probation; it may not come back",
    )


def fresh_champion_rule(compared: int | None, now: int | None) -> GateRule:
    """Say whether the champion of now is still the one that was compared.

    Parameters:
        compared, now: versions; None: there was, or is, none.
    """
    same = compared == now
    found = "no champion" if now is None else f"version {now}"
    met = "no champion" if compared is None else f"version {compared}"
    return GateRule(
        name="fresh_champion",
        verdict=RuleVerdict.PASS if same else RuleVerdict.FAIL,
        text=(
            f"compared with {met}, which is the state of now"
            if same
            else f"compared with {met}, but now there is {found}: evaluate against that one"
        ),
    )
