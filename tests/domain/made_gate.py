"""Estimates, gains and rules made by hand."""

from __future__ import annotations

from evergreen.domain.cluster_estimate import ClusterEstimate
from evergreen.domain.gate_rule import GateRule, RuleVerdict


def estimate(value: float, error: float, *, rows: int = 1_000, clusters: int = 500):
    """Return an estimate whose t distribution is all but normal."""
    return ClusterEstimate(
        value=value, standard_error=error, rows=rows, clusters=clusters, freedom=1e9
    )


def rule(name: str, verdict: str = "pass") -> GateRule:
    """Return a rule that says its name."""
    return GateRule(name=name, verdict=RuleVerdict(verdict), text=f"{name} {verdict}")
