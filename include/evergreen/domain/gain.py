"""Whether a challenger is proved better, and how many page views it would take to tell."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, isfinite

import numpy as np
from numpy.typing import ArrayLike

from evergreen.domain.bootstrap import bootstrap_mean
from evergreen.domain.cluster_estimate import ClusterEstimate, estimate_mean
from evergreen.domain.gate_rule import GateRule, RuleVerdict

FIND = 0.9
"""Power at which a holdout counts as large enough for the wanted gain."""
FEW_CLUSTERS = 100
"""With fewer clusters the bootstrap's interval counts too, where it is wider."""
LEAST_IN_TAIL = 5
"""Resamples that must lie beyond a bootstrap bound for it to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """A paired difference a page view, with the interval it is judged by.

    Parameters:
        lower, upper: each wrong with probability `alpha`.
        reference: mean of the one it is compared with, for relative gains.
    """

    estimate: ClusterEstimate
    lower: float
    upper: float
    alpha: float
    reference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Whether a holdout is large enough.

    Parameters:
        wanted_gain: relative, that should be found.
        needed_page_views: None where no number would do: nothing says how clusters vary, or the
            wanted gain is not above the least one.
    """

    wanted_gain: float
    page_views: int
    needed_page_views: int | None

    @property
    def enough(self) -> bool:
        """Whether the wanted gain would be found with probability `FIND`."""
        return self.needed_page_views is not None and self.page_views >= self.needed_page_views


def paired_gain(
    challenger: ArrayLike,
    other: ArrayLike,
    clusters: ArrayLike,
    *,
    alpha: float,
    resamples: int,
    seed: int,
) -> Gain:
    """Return the gain over another model on the same page views.

    The interval is the linearised one of `cluster_estimate` with t quantiles; of fewer than
    `FEW_CLUSTERS` clusters each bound is the outer one of it and the cluster bootstrap's, as far
    into the tail as the resamples reach.

    Parameters:
        challenger, other: the metric of each page view, [N].
        clusters: who made it, [N].
        alpha: one-sided error of each bound.
    """
    theirs = np.asarray(other, dtype=float)
    difference = np.asarray(challenger, dtype=float) - theirs
    found = estimate_mean(difference, clusters)
    lower, upper = found.bounds(alpha)
    if 1 < found.clusters < FEW_CLUSTERS:
        tail = max(alpha, LEAST_IN_TAIL / resamples)
        drawn = bootstrap_mean(
            difference, clusters, confidence=1 - 2 * tail, resamples=resamples, seed=seed
        )
        lower, upper = min(lower, drawn.lower), max(upper, drawn.upper)
    reference = float(theirs.mean()) if theirs.size else float("nan")
    return Gain(estimate=found, lower=lower, upper=upper, alpha=alpha, reference=reference)


def power_of(gain: Gain, *, wanted_gain: float, min_gain: float) -> Power:
    """Return how many page views would find the wanted gain, if they vary as these do.

    N ((t_(1 - alpha) + t_FIND) · standard error / (wanted · reference - min_gain))² (Cohen 1988).

    Parameters:
        wanted_gain: relative to the reference.
        min_gain: absolute.
    """
    found, effect = gain.estimate, wanted_gain * gain.reference - min_gain
    needed: int | None = None
    if isfinite(found.standard_error) and effect > 0:
        reach = found.quantile(1 - gain.alpha) + found.quantile(FIND)
        needed = ceil(found.rows * (reach * found.standard_error / effect) ** 2)
    return Power(wanted_gain=wanted_gain, page_views=found.rows, needed_page_views=needed)


def gain_rule(
    name: str, other: str, gain: Gain, *, metric: str, min_gain: float, power: Power | None
) -> GateRule:
    """Say whether the gain's lower bound lies above `min_gain`.

    Not enough data: it does not, and the holdout is too small to have found the wanted gain, unless
    the upper bound shows that there is none.

    Parameters:
        name: of the rule.
        other: who it is compared with, for people.
        power: of the holdout; None: a gain that is not proved fails.
    """
    found = gain.estimate
    vague = found.clusters < 2 or (power is not None and not power.enough)
    if gain.lower > min_gain:  # False with NaN, as it must be
        verdict, outcome = RuleVerdict.PASS, "better than"
    elif vague and not gain.upper <= min_gain:
        verdict, outcome = RuleVerdict.NOT_ENOUGH_DATA, "not proved better than"
    elif gain.upper < min_gain:
        verdict, outcome = RuleVerdict.FAIL, "worse than"
    else:
        verdict, outcome = RuleVerdict.FAIL, "not proved better than"
    relative = f" ({found.value / gain.reference:+.1%})" if gain.reference > 0 else ""
    return GateRule(
        name=name,
        value=found.value,
        lower=gain.lower,
        upper=gain.upper,
        bound=min_gain,
        rows=found.rows,
        clusters=found.clusters,
        verdict=verdict,
        text=(
            f"{outcome} {other}: {metric} {found.value:+.4f}{relative}, "
            f"{100 - 200 * gain.alpha:.6g} % interval {gain.lower:+.4f} to {gain.upper:+.4f}, must "
            f"lie above {min_gain:g} ({found.rows:,} page views, {found.clusters:,} clusters)"
        ),
    )


def ahead_rule(name: str, other: str, gain: Gain, *, metric: str) -> GateRule:
    """Say whether the challenger is ahead of another model at all, by its mean gain.

    For what must not be behind, while the proof is another rule's. A challenger that is proved
    better than its champion would be held back if it had to be *proved* better than popularity too:
    the page views of a few large baskets make that interval several times as wide.

    Parameters:
        name: of the rule.
        other: who it is compared with, for people.
    """
    found = gain.estimate
    ahead = found.value > 0  # False with NaN, as it must be
    relative = f" ({found.value / gain.reference:+.1%})" if gain.reference > 0 else ""
    return GateRule(
        name=name,
        value=found.value,
        lower=gain.lower,
        upper=gain.upper,
        bound=0.0,
        rows=found.rows,
        clusters=found.clusters,
        verdict=RuleVerdict.PASS if ahead else RuleVerdict.FAIL,
        text=(
            f"{'ahead of' if ahead else 'not ahead of'} {other}: {metric} {found.value:+.4f}"
            f"{relative}, must be above 0 ({found.rows:,} page views, {found.clusters:,} clusters)"
        ),
    )


def power_rule(power: Power) -> GateRule:
    """Say in words whether the holdout is large enough for the wanted gain."""
    wanted, has = f"a gain of {power.wanted_gain:.1%}", power.page_views
    if power.needed_page_views is None:
        text = f"no number of page views like these {has:,} would find {wanted}"
    elif power.enough:
        text = (
            f"{has:,} page views, {power.needed_page_views:,} needed to find {wanted} with "
            f"{FIND:.0%} power"
        )
    else:
        text = (
            f"would need {power.needed_page_views - has:,} more page views than these {has:,} to "
            f"find {wanted} with {FIND:.0%} power"
        )
    return GateRule(
        name="power",
        value=has,
        lower=has,
        upper=has,
        bound=inf if power.needed_page_views is None else power.needed_page_views,
        rows=has,
        verdict=RuleVerdict.PASS if power.enough else RuleVerdict.NOT_ENOUGH_DATA,
        text=text,
    )
