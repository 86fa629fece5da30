"""What a challenger may not spoil while it ranks better: scores, catalogue, new items, time."""

from __future__ import annotations

from math import isfinite

from evergreen.domain.cluster_estimate import ClusterEstimate, Sums, estimate_difference
from evergreen.domain.gate_rule import GateRule, RuleVerdict, non_inferior

_OUTCOME = {
    RuleVerdict.PASS: "holds",
    RuleVerdict.FAIL: "is broken or not shown to hold",
    RuleVerdict.NOT_ENOUGH_DATA: "cannot be told from so few page views",
}


def judge_log_loss(challenger: Sums, champion: Sums, *, max_rise: float, alpha: float) -> GateRule:
    """Say whether the scores' log loss rises by less than `max_rise` of the champion's.

    Parameters:
        challenger, champion: losses of the same scored items, by cluster.
        max_rise: relative; smaller is stricter.
        alpha: one-sided.
    """
    before = float(champion.of.sum()) / max(float(champion.rows.sum()), 1.0)
    change = estimate_difference(challenger, champion)
    return _rise("log_loss", "log loss", change, margin=max_rise * before, alpha=alpha)


def judge_calibration(
    challenger: Sums, champion: Sums, *, max_rise: float, alpha: float
) -> GateRule:
    """Say whether the expected calibration error rises by less than `max_rise`.

    The error of B bins is a mean over impressions of ±(predicted - clicked), the sign that of the
    impression's bin, so that its interval is that of a ratio.

    Parameters:
        challenger, champion: sums of ±(predicted - clicked) over the same items, by cluster.
        max_rise: absolute, a share.
    """
    change = estimate_difference(challenger, champion)
    return _rise("calibration", "calibration error", change, margin=max_rise, alpha=alpha)


def judge_unseen(challenger: Sums, champion: Sums, *, max_rise: float, alpha: float) -> GateRule:
    """Say whether the share of page views without an answer rises by less than `max_rise`.

    Parameters:
        challenger, champion: page views whose item the model does not know, by cluster.
        max_rise: absolute, a share.
    """
    change = estimate_difference(challenger, champion)
    name = "share of page views with an unseen item"
    return _rise("unseen_items", name, change, margin=max_rise, alpha=alpha)


def judge_coverage(challenger: int, champion: int, *, catalogue: int, min_ratio: float) -> GateRule:
    """Say whether enough of the catalogue is shown, as a part of what the champion shows.

    Parameters:
        challenger, champion: distinct items shown.
        catalogue: items there are.
        min_ratio: 0 to 1; higher is stricter.
    """
    ratio = challenger / champion if champion else float("nan")
    if not champion:
        verdict = RuleVerdict.NOT_ENOUGH_DATA
    else:
        verdict = RuleVerdict.PASS if ratio >= min_ratio else RuleVerdict.FAIL
    text = (
        f"coverage: shows {challenger:,} of {catalogue:,} items, the champion {champion:,}; "
        f"must be {min_ratio:g} of it or more"
    )
    return _point("coverage", ratio, min_ratio, verdict, text)


def judge_latency(
    challenger_s: float | None, champion_s: float | None, *, max_ratio: float, floor_s: float
) -> GateRule:
    """Say whether scoring a page view takes no longer than it may, at the 99th percentile.

    Parameters:
        challenger_s, champion_s: None for one that could not be timed.
        max_ratio: of the champion's time; smaller is stricter.
        floor_s: faster passes, whatever the ratio.
    """
    ratio = challenger_s / champion_s if challenger_s and champion_s else float("nan")
    if challenger_s is not None and (challenger_s <= floor_s or ratio <= max_ratio):
        verdict = RuleVerdict.PASS
    else:
        verdict = RuleVerdict.FAIL if isfinite(ratio) else RuleVerdict.NOT_ENOUGH_DATA
    challenger, champion = (
        "not measured" if took is None else f"{took * 1_000:.2f} ms"
        for took in (challenger_s, champion_s)
    )
    text = (
        f"latency: to score a page view takes {challenger} at p99, the champion {champion}; must "
        f"be {max_ratio:g} times that or less, or below {floor_s * 1_000:g} ms"
    )
    return _point("latency", ratio, max_ratio, verdict, text)


def unmeasured(name: str) -> GateRule:
    """Return the rule of a guardrail that an older evaluation did not measure."""
    return GateRule(
        name=name,
        verdict=RuleVerdict.NOT_ENOUGH_DATA,
        text=(
            f"{name}: not measured, an older Evergreen evaluated this run; start the retraining "
            "again with --force to measure it"
        ),
    )


def _rise(
    name: str, words: str, change: ClusterEstimate, *, margin: float, alpha: float
) -> GateRule:
    verdict = non_inferior(change, margin=margin, alpha=alpha, higher_is_better=False)
    if not isfinite(change.value):
        verdict = RuleVerdict.NOT_ENOUGH_DATA
    lower, upper = change.bounds(alpha)
    return GateRule(
        name=name,
        value=change.value,
        lower=lower,
        upper=upper,
        bound=margin,
        rows=change.rows,
        clusters=change.clusters,
        verdict=verdict,
        text=(
            f"{words} {_OUTCOME[verdict]}: {change.value:+.4f}, upper bound {upper:+.4f}, may rise "
            f"by {margin:.4f} ({change.rows:,} rows, {change.clusters:,} clusters)"
        ),
    )


def _point(name: str, value: float, bound: float, verdict: RuleVerdict, text: str) -> GateRule:
    return GateRule(
        name=name,
        value=value,
        lower=value,
        upper=value,
        bound=bound,
        verdict=verdict,
        text=text,
    )
