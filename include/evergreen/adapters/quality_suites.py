"""The suites of a new model: the default rules, with bounds from its spec, profile and past days.

They are Great Expectations' own JSON. Once written they belong to people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evergreen.adapters import quality_rules as rules
from evergreen.adapters import quality_rules_features as features
from evergreen.adapters.quality_rule import Rule
from evergreen.adapters.quality_rules import EACH_HOUR, WHOLE_DAY
from evergreen.domain.quality import DAY_SCOPE

if TYPE_CHECKING:
    import polars as pl

    from evergreen.config.model_spec import ModelSpec
    from evergreen.domain.profile import ReferenceProfile

GX_VERSION = "1.24.1"  # whose JSON this is
NOT_OF_A_TABLE = ("features", "training")
"""Frames that will have rows whether or not the reference has any: a small shop grows."""


def default_suites(
    spec: ModelSpec,
    profile: ReferenceProfile | None,
    reference: Mapping[str, pl.DataFrame] | None,
) -> dict[str, dict[str, Any]]:
    """Return frame to its suite.

    With reference days a bound moves to what they show times the rule's factor, and where hours
    differ more than days each has bounds of its own; a rule that is not about a log of their kind
    is left out, and so is a feature that breaks a rule on them. Without
    any, `constant` and `outside_excess` judge whole days: a feature of the clock is constant in
    every hour.

    Parameters:
        spec: `validate:` gives the hours and the drop of rows that are allowed.
        profile: of the champion; None or one without columns: nothing is known of the features.
        reference: frame to its facts of good days; None: there are none.
    """
    told = {frame: facts for frame, facts in (reference or {}).items() if facts.height}
    return {
        frame: _suite(spec.model, frame, of, told.get(frame))
        for frame, of in _rules(spec, profile).items()
        if reference is None or frame in told or frame in NOT_OF_A_TABLE
    }


def _rules(spec: ModelSpec, profile: ReferenceProfile | None) -> dict[str, list[Rule]]:
    table = rules.table_rules(spec.validation.min_hours, spec.validation.max_row_drop)
    scored = rules.SCORE if "score" in spec.monitor.drift.outputs else ()
    rate = profile.ctr.rate if profile and profile.ctr else None
    known = bool(profile and profile.columns)
    missing = features.MISSING_EXCESS if known else features.MISSING_SHARE
    users = (rules.BUSY_USER, rules.BOT)
    suites = {
        "impressions": [
            *table,
            *rules.LISTS,
            *rules.IMPRESSIONS,
            *users,
            *scored,
            *rules.ctr_rules(rate),
        ],
        "orders": [*table, *rules.ORDERS],
        "features": [missing, *features.FEATURES],
    }
    if spec.train.enabled:
        suites["training"] = [missing, *features.TRAINING]
    return suites


def _suite(
    model: str, frame: str, of: Sequence[Rule], facts: pl.DataFrame | None
) -> dict[str, Any]:
    fitted = [fitted for rule in of for fitted in _fitted(rule, frame, facts)]
    return {
        "name": f"{model}.{frame}",
        "expectations": [_expectation(rule) for rule in fitted],
        "meta": {"great_expectations_version": GX_VERSION},
    }


def _fitted(rule: Rule, frame: str, facts: pl.DataFrame | None) -> list[Rule]:
    """Return the rule as the reference days want it; none where the log is not of its kind."""
    if facts is None:
        whole_day = frame == "features" and rule.fact in ("constant", "outside_excess")
        return [replace(rule, where=WHOLE_DAY) if whole_day else rule]
    known = facts.drop_nulls(rule.fact) if rule.fact in facts.columns else facts.clear()
    if known.is_empty():
        return [] if rule.optional else [rule]
    if rule.by_feature:
        return [_without_breaking(rule, known)]
    if rule.optional and 2 * sum(map(rule.breaks, known.get_column(rule.fact))) > known.height:
        return []
    return [rule] if rule.learn is None else _learnt(rule, known)


def _learnt(rule: Rule, known: pl.DataFrame) -> list[Rule]:
    """Return the rule with bounds that the reference keeps: two where a day's are not its hours'.

    Only the rows that the rule is about say anything.
    """
    told = known.filter(_holds(rule.where, known)) if rule.where else known
    if rule.where and "scope" in rule.where:
        return [_moved(rule, told)]
    parts = [_moved(rule, told.filter(_holds(of, told)), of) for of in (WHOLE_DAY, EACH_HOUR)]
    bounds = {(part.low, part.high) for part in parts}
    return parts if len(bounds) > 1 else [replace(parts[0], where=rule.where)]


def _holds(where: str, facts: pl.DataFrame) -> pl.Series:
    """Return in which rows a condition holds, as Great Expectations reads it: by pandas."""
    import polars as pl

    return pl.Series(facts.to_pandas().eval(where).to_numpy(dtype=bool), dtype=pl.Boolean)


def _moved(rule: Rule, told: pl.DataFrame, of: str | None = None) -> Rule:
    """Return the rule with bounds beyond the extremes of these rows; `of` says which they are."""
    where = " and ".join(part for part in (rule.where, of) if part) or None
    seen, low, high = [float(v) for v in told.get_column(rule.fact)], rule.low, rule.high
    if not seen:
        return replace(rule, where=where)
    if rule.learn in ("highest", "both") and high is not None:
        at_least = high if rule.floor is None else rule.floor
        high = max(at_least, _round(rule.factor * max(seen)))
        high = high if rule.cap is None else min(high, rule.cap)
    if rule.learn in ("lowest", "both") and low is not None:
        low = min(low, _round(min(seen) / rule.factor))
    return replace(rule, low=low, high=high, where=where)


def _without_breaking(rule: Rule, known: pl.DataFrame) -> Rule:
    """Leave out the features that break the rule on good days; in hours only if no day breaks."""
    bad = [row for row in known.iter_rows(named=True) if rule.breaks(row[rule.fact])]
    days = sorted({row["subject"] for row in bad if row["scope"] == DAY_SCOPE})
    hours = sorted({row["subject"] for row in bad} - set(days))
    parts = [f"subject not in {json.dumps(days)}"] if days else []
    if hours:
        parts.append(f'(scope == "{DAY_SCOPE}" or subject not in {json.dumps(hours)})')
    return replace(rule, where=" and ".join(parts) or rule.where)


def _expectation(rule: Rule) -> dict[str, Any]:
    kwargs: dict[str, Any] = {"column": rule.fact}
    if rule.equal is not None:
        kind, kwargs["value_set"] = "expect_column_values_to_be_in_set", [rule.equal]
    else:
        kind = "expect_column_values_to_be_between"
        bounds = {"min_value": rule.low, "max_value": rule.high}
        kwargs |= {name: bound for name, bound in bounds.items() if bound is not None}
    if rule.mostly < 1:
        kwargs["mostly"] = rule.mostly
    if rule.where:
        kwargs |= {"row_condition": rule.where, "condition_parser": "pandas"}
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": rule.severity,
        "meta": {"why": rule.why},
    }


def _round(value: float) -> float:
    """Return a bound that people can read, 3 digits."""
    return float(f"{value:.3g}")
