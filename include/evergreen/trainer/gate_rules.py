"""The gate's rules over an evaluation: reads what `evaluate` left, and asks the domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from evergreen.config.gate_spec import GateSpec, SliceSpec
from evergreen.domain import guardrails
from evergreen.domain.cluster_estimate import Sums
from evergreen.domain.error_budget import Budget
from evergreen.domain.gain import (
    Gain,
    Power,
    ahead_rule,
    gain_rule,
    paired_gain,
    power_of,
    power_rule,
)
from evergreen.domain.gate import size_rule
from evergreen.domain.gate_rule import GateRule
from evergreen.domain.slices import (
    Level,
    judge_slices,
    levels_by_quantile,
    levels_by_value,
    missing_slice,
)
from evergreen.trainer.off_policy import rule_of

DIFFERENCE_BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What `evaluate` found.

    Parameters:
        views: page views with the metrics of each model, and slices.
        scores: sums by cluster; None of an evaluation by an Evergreen that did not make them.
        result: the step's result.
        has_champion: whether there was one to compare with.
    """

    views: pl.DataFrame
    scores: pl.DataFrame | None
    result: dict[str, Any]
    has_champion: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The rules, and the power that they rest on."""

    rules: list[GateRule]
    power: Power


def compared_rules(found: Evaluation, spec: GateSpec, budget: Budget) -> Compared:
    """Return size, gain, power, baseline, slices, guardrails and what the log's propensities say.

    The attempt's alpha is that of the gain over the champion; without one, of the gain over
    popularity. Slices and guardrails are one-sided at `1 - confidence`.
    """
    metric = f"{spec.metric}@{spec.k}"
    champion = found.has_champion
    base = _gain(found, spec, "popularity", spec.first_alpha if champion else budget.alpha)
    gain = _gain(found, spec, "champion", budget.alpha) if champion else base
    least = spec.min_gain if champion else 0.0
    power = power_of(gain, wanted_gain=spec.wanted_gain, min_gain=least)
    rules = [size_rule(found.views.height, spec.min_page_views)]
    if champion:
        rules.append(
            gain_rule(
                "gain", "the champion", gain, metric=metric, min_gain=spec.min_gain, power=power
            )
        )
    if champion:
        rules.append(ahead_rule("baseline", "popularity", base, metric=metric))
    else:
        rules.append(
            gain_rule("baseline", "popularity", base, metric=metric, min_gain=0.0, power=power)
        )
    rules.append(power_rule(power))
    if champion:
        rules += _slices(found.views, spec) + _guardrails(found, spec)
    if spec.off_policy.max_loss is not None and found.result.get("off_policy"):
        rules.append(rule_of(found.result["off_policy"], max_loss=spec.off_policy.max_loss))
    return Compared(rules=rules, power=power)


def differences(views: pl.DataFrame, spec: GateSpec) -> dict[str, list[float]]:
    """Return a histogram of the gain a page view, over the champion or else over popularity."""
    other = "champion" if f"champion_{spec.metric}" in views.columns else "popularity"
    gain = (views[f"challenger_{spec.metric}"] - views[f"{other}_{spec.metric}"]).to_numpy()
    counts, edges = np.histogram(gain, bins=DIFFERENCE_BINS, range=(-1, 1))
    return {"edges": [round(e, 6) for e in edges.tolist()], "counts": counts.tolist()}


def _gain(found: Evaluation, spec: GateSpec, other: str, alpha: float) -> Gain:
    return paired_gain(
        found.views[f"challenger_{spec.metric}"].to_numpy(),
        found.views[f"{other}_{spec.metric}"].to_numpy(),
        _codes(found.views["cluster"]),
        alpha=alpha,
        resamples=spec.resamples,
        seed=spec.seed,
    )


def _slices(views: pl.DataFrame, spec: GateSpec) -> list[GateRule]:
    rules: list[GateRule] = []
    levels: list[Level] = []
    for part in spec.slices:
        column = f"slice_{part.column}"
        if column not in views.columns:
            why = (
                "this evaluation has no such column: neither the orders nor features.py make it, "
                "or an older Evergreen evaluated; mend its name, or start the retraining again "
                "with --force"
            )
            rules.append(missing_slice(part.column, why))
        elif views[column].null_count() == views.height:
            rules.append(missing_slice(part.column, "no page view of the holdout has a value"))
        elif part.quantiles and not views[column].dtype.is_numeric():
            rules.append(missing_slice(part.column, "it is no number to cut into quantiles"))
        else:
            levels += _levels(part, views[column])
    if levels:
        rules += judge_slices(
            levels,
            views[f"challenger_{spec.metric}"].to_numpy(),
            views[f"champion_{spec.metric}"].to_numpy(),
            _codes(views["cluster"]),
            metric=f"{spec.metric}@{spec.k}",
            max_loss=spec.max_slice_loss,
            alpha=1 - spec.confidence,
        )
    return rules


def _levels(part: SliceSpec, values: pl.Series) -> list[Level]:
    if part.quantiles:
        number = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
        return levels_by_quantile(part.column, number, parts=part.quantiles)
    return levels_by_value(part.column, values.cast(pl.String).to_list())


def _guardrails(found: Evaluation, spec: GateSpec) -> list[GateRule]:
    bounds, alpha, scores = spec.guardrails, 1 - spec.confidence, found.scores
    wanted = {
        "log_loss": bounds.max_log_loss_rise,
        "calibration": bounds.max_calibration_rise,
        "coverage": bounds.min_coverage_ratio,
        "unseen_items": bounds.max_unseen_rise,
        "latency": bounds.max_latency_ratio,
    }
    if scores is None:
        return [guardrails.unmeasured(name) for name, bound in wanted.items() if bound is not None]
    rules = []
    if bounds.max_log_loss_rise is not None:
        rules.append(
            guardrails.judge_log_loss(
                *_pair(scores, "loss"), max_rise=bounds.max_log_loss_rise, alpha=alpha
            )
        )
    if bounds.max_calibration_rise is not None:
        rules.append(
            guardrails.judge_calibration(
                *_pair(scores, "miscalibration"),
                max_rise=bounds.max_calibration_rise,
                alpha=alpha,
            )
        )
    if bounds.min_coverage_ratio is not None:
        rules.append(
            guardrails.judge_coverage(
                found.result["coverage"]["challenger"],
                found.result["coverage"]["champion"],
                catalogue=found.result["coverage"]["catalogue"],
                min_ratio=bounds.min_coverage_ratio,
            )
        )
    if bounds.max_unseen_rise is not None:
        rules.append(
            guardrails.judge_unseen(
                *_unseen(found.views), max_rise=bounds.max_unseen_rise, alpha=alpha
            )
        )
    if bounds.max_latency_ratio is not None:
        took = found.result["latency_s"]
        rules.append(
            guardrails.judge_latency(
                took.get("challenger"),
                took.get("champion"),
                max_ratio=bounds.max_latency_ratio,
                floor_s=bounds.latency_floor_ms / 1_000,
            )
        )
    return rules


def _pair(scores: pl.DataFrame, name: str) -> tuple[Sums, Sums]:
    challenger, champion = (
        Sums(of=scores[f"{who}_{name}"].to_numpy(), rows=scores["pairs"].to_numpy())
        for who in ("challenger", "champion")
    )
    return challenger, champion


def _unseen(views: pl.DataFrame) -> tuple[Sums, Sums]:
    by = views.group_by("cluster", maintain_order=True).agg(
        pl.col("challenger_unseen", "champion_unseen").sum().cast(pl.Float64),
        rows=pl.len().cast(pl.Float64),
    )
    challenger, champion = (
        Sums(of=by[f"{who}_unseen"].to_numpy(), rows=by["rows"].to_numpy())
        for who in ("challenger", "champion")
    )
    return challenger, champion


def _codes(clusters: pl.Series) -> np.ndarray:
    """Return a number for each cluster: numbers sort faster than text."""
    return clusters.rank("dense").to_numpy()
