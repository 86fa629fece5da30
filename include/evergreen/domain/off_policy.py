"""Off-policy evaluation: the CTR another policy would have had, from a log with propensities.

Each impression counts with the weight w = π(item)/p(item): how much more often the new policy
would have shown it than the log's did, clipped at `clip`. With r = clicked:

- IPS (Horvitz and Thompson 1952): Σ w·r / n, unbiased where the log could show everything, noisy.
- SNIPS (Swaminathan and Joachims 2015): Σ w·r / Σ w; its weights add up to one.
- Doubly robust (Dudík, Langford and Li 2011): Σ [q(π) + w·(r − q(item))] / n with a model q of the
  click rate; right when the weights or the model are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from evergreen.domain.gate_rule import GateRule, RuleVerdict
from evergreen.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An estimated CTR with its standard error and two-sided interval."""

    value: float
    standard_error: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicy:
    """What a log says of another policy.

    Parameters:
        logged: the log's own CTR.
        compared: what the policy is held against: the other policy's SNIPS, or else `logged`.
        gain: SNIPS minus `compared`, paired; its interval is the one to decide on.
        effective_sample: Kish's (Σ w)² / Σ w², impressions; of two policies the smaller one.
        mean_weight: about 1 where the log could show all that the policy would; clipping and items
            that the log never showed lower it.
        clip, clipped_share: largest weight, and the share of impressions above it.
        verdict: YES: may be used; NOT_ENOUGH_DATA: `text` says why it may not.
    """

    logged: Value
    compared: Value
    ips: Value
    snips: Value
    doubly_robust: Value | None
    gain: Value
    rows: int
    clusters: int
    effective_sample: float
    mean_weight: float
    clip: float
    clipped_share: float
    verdict: Verdict
    text: str


def default_clip(rows: int) -> float:
    """Return √n, at which truncation costs no more bias than it saves spread (Ionides 2008).

    Example:
        >>> default_clip(10_000)
        100.0
    """
    return max(math.sqrt(rows), 1.0)


def evaluate_policy(
    clicked: ArrayLike,
    logged: ArrayLike,
    target: ArrayLike,
    clusters: ArrayLike,
    *,
    against: ArrayLike | None = None,
    q_logged: ArrayLike | None = None,
    q_target: ArrayLike | None = None,
    clip: float | None = None,
    confidence: float = 0.95,
    min_effective_sample: float = 500.0,
) -> OffPolicy:
    """Estimate a policy's CTR from impressions of another one.

    Standard errors are those of ratios of cluster sums (linearised; Cochran 1977, section 6.8),
    intervals Student's t with one degree less than there are clusters.

    Parameters:
        clicked: 0 or 1 of each impression, [N].
        logged: the log's propensity of the item, [N], in (0, 1].
        target: the new policy's probability of the item there, [N], 0 to 1.
        clusters: page view or user of each impression, any labels, [N].
        against: probability of the item by the policy to be compared with, [N]; None: the log's.
        q_logged, q_target: the model's click rate of the logged item, and its mean over the new
            policy's items, [N]; None: no doubly robust estimate.
        clip: largest weight; None: √N. Lower is steadier and more biased.
        min_effective_sample: refuse below it; higher refuses more.

    Raises:
        ValueError: no rows, or a probability out of bounds.

    Example:
        >>> said = evaluate_policy([1, 0, 0, 1], [0.5] * 4, [1, 1, 0, 0], range(4), clip=10)
        >>> (said.ips.value, said.snips.value, said.effective_sample, said.verdict.value)
        (0.5, 0.5, 2.0, 'not_enough_data')
    """
    r, p, pi = (np.asarray(each, dtype=float) for each in (clicked, logged, target))
    other = p if against is None else np.asarray(against, dtype=float)
    if not r.size:
        raise ValueError("no impressions; expected at least one")
    bounded = all(np.all((each >= 0) & (each <= 1)) for each in (p, pi, other))
    if not (bounded and np.all(p > 0)):
        raise ValueError("propensities must lie in (0, 1], the policy's probabilities in 0 to 1")
    clip = default_clip(r.size) if clip is None else clip
    raw = pi / p
    w, v = np.minimum(raw, clip), np.minimum(other / p, clip)
    _, code = np.unique(np.asarray(clusters), return_inverse=True)
    groups = int(code.max()) + 1

    def by_cluster(values: np.ndarray) -> np.ndarray:
        return np.bincount(code, weights=values, minlength=groups)

    one, clicks, weights, weighted = map(by_cluster, (np.ones_like(r), r, w, w * r))
    own, own_residual = _ratio(clicks, one)
    base, base_residual = _ratio(by_cluster(v * r), by_cluster(v))
    ips, ips_residual = _ratio(weighted, one)
    snips, snips_residual = _ratio(weighted, weights)
    robust = None
    if q_logged is not None and q_target is not None:
        q, q_pi = np.asarray(q_logged, dtype=float), np.asarray(q_target, dtype=float)
        value, residual = _ratio(by_cluster(q_pi + w * (r - q)), one)
        robust = _value(value, residual, confidence)
    effective = min(_effective(w), _effective(v))
    enough = effective >= min_effective_sample and groups > 1
    text = (
        f"effective sample of {effective:,.0f} of {r.size:,} impressions, "
        f"{min_effective_sample:,.0f} needed"
    )
    if not enough:
        text += ": the log shows too rarely what this policy would; log more, or explore more"
    return OffPolicy(
        logged=_value(own, own_residual, confidence),
        compared=_value(base, base_residual, confidence),
        ips=_value(ips, ips_residual, confidence),
        snips=_value(snips, snips_residual, confidence),
        doubly_robust=robust,
        gain=_value(snips - base, snips_residual - base_residual, confidence),
        rows=int(r.size),
        clusters=groups,
        effective_sample=effective,
        mean_weight=float(w.mean()),
        clip=float(clip),
        clipped_share=float(np.mean(raw > clip)),
        verdict=Verdict.YES if enough else Verdict.NOT_ENOUGH_DATA,
        text=text,
    )


def cross_fitted_rates(
    clicked: ArrayLike, cell: ArrayLike, fold: ArrayLike, *, cells: int, prior_rows: float = 100.0
) -> np.ndarray:
    """Return the click rate of each cell for each of two folds, from the other fold, [2, cells].

    A rate is shrunk to the fold's overall one by `prior_rows` impressions. Fitted on rows that it
    is not used on (Chernozhukov et al. 2018), the model does not know the click it predicts.

    Parameters:
        cell: what the rate depends on (item and position), 0 to `cells` - 1, [N].
        fold: 0 or 1, the same for all rows of a cluster, [N].

    Example:
        >>> cross_fitted_rates([1, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1], cells=2, prior_rows=1)
        array([[0.  , 0.  ],
               [0.75, 0.25]])
    """
    r, at, part = np.asarray(clicked, float), np.asarray(cell), np.asarray(fold)
    rates = np.zeros((2, cells))
    for own in (0, 1):
        other = part != own
        rows = np.bincount(at[other], minlength=cells)
        clicks = np.bincount(at[other], weights=r[other], minlength=cells)
        overall = clicks.sum() / max(rows.sum(), 1)
        rates[own] = (clicks + prior_rows * overall) / (rows + prior_rows)
    return rates


def off_policy_rule(found: OffPolicy, *, max_loss: float = 0.0) -> GateRule:
    """Return the gate's rule: the CTR may not be surely lower than what it is compared with.

    `pass` where the gain's whole interval lies above the bound, `fail` where it lies below, else,
    and where the effective sample is too small, `not_enough_data`.

    Parameters:
        max_loss: share of the compared CTR that may be lost, 0 to 1; higher passes more.
    """
    gain, bound = found.gain, 0.0 - max_loss * found.compared.value
    if found.verdict is not Verdict.YES or not math.isfinite(gain.lower + gain.upper):
        verdict = RuleVerdict.NOT_ENOUGH_DATA
    elif gain.lower >= bound:
        verdict = RuleVerdict.PASS
    else:
        verdict = RuleVerdict.FAIL if gain.upper < bound else RuleVerdict.NOT_ENOUGH_DATA
    robust = found.doubly_robust
    said = f", doubly robust {robust.value:.3%}" if robust else ""
    return GateRule(
        name="off_policy",
        value=gain.value,
        lower=gain.lower,
        upper=gain.upper,
        bound=bound,
        rows=found.rows,
        clusters=found.clusters,
        verdict=verdict,
        text=(
            f"off-policy CTR {found.snips.value:.3%}{said}, against {found.compared.value:.3%}; "
            f"difference {gain.lower:+.3%} to {gain.upper:+.3%}; {found.text}"
        ),
    )


def _effective(w: np.ndarray) -> float:
    return float(w.sum() ** 2 / (w @ w)) if w.any() else 0.0


def _ratio(top: np.ndarray, bottom: np.ndarray) -> tuple[float, np.ndarray]:
    """Return Σ top / Σ bottom and what each cluster adds to its error, [clusters]."""
    whole = float(bottom.sum())
    if not whole:
        return float("nan"), np.full(top.size, np.nan)
    value = float(top.sum()) / whole
    return value, (top - value * bottom) / whole


def _value(value: float, residual: np.ndarray, confidence: float) -> Value:
    groups = residual.size
    if groups < 2 or math.isnan(value):
        return Value(value=value, standard_error=math.inf, lower=-math.inf, upper=math.inf)
    error = math.sqrt(groups / (groups - 1) * float(residual @ residual))
    reach = float(stdtrit(groups - 1, (1 + confidence) / 2)) * error
    return Value(value=value, standard_error=error, lower=value - reach, upper=value + reach)
