"""The drift sensor over the ledger's sketches: every column, and the fallback share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import numpy as np

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.column_drift import ColumnDrift, View, judge_column
from evergreen.domain.drift import judge_drift as judge
from evergreen.domain.fallback import FallbackJudgement, judge_fallback
from evergreen.domain.profile import ColumnProfile, ReferenceProfile
from evergreen.domain.promise import drift_alpha
from evergreen.domain.sketch import HourSketch
from evergreen.domain.trigger import DAY
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.left_out import with_quarantine
from evergreen.monitor.measure import trailing_window
from evergreen.monitor.records import Measured, measured_hour, record, sketches_of


def judge_drift(spec: ModelSpec, hour: datetime, *, ledger: Ledger, replay: bool) -> dict[str, Any]:
    """Judge what reaches the model and what it answers, and write the measurement.

    Raises:
        WindowEmpty: `measure_hour` has not measured this hour.
    """
    body = drift_of(spec, hour, measured_hour(spec, hour, ledger), ledger=ledger)
    return record(spec, hour, "drift", body, ledger=ledger, replay=replay)


def drift_of(
    spec: ModelSpec, hour: datetime, measured: Measured, *, ledger: Ledger
) -> dict[str, Any]:
    """Judge what reaches the model and what it answers, over 24 hours and over this one.

    The fallback share is judged twice: as the column `source` against the profile, and by the
    plain rule over the trailing window. Hours in quarantine do not count.
    """
    day = sketches_of(spec, Window.last(DAY, until=hour + HOUR), measured, ledger)
    trailing = sketches_of(spec, trailing_window(spec, hour), measured, ledger)
    columns = judge_columns(measured.profile, day.sketches, hour, spec)
    shown = day.sketches.get(hour, HourSketch()).impressions
    least = spec.monitor.min_hour_impressions
    judgement = judge(
        columns,
        min_importance=spec.monitor.drift.min_importance,
        impressions=shown,
        min_impressions=least,
    )
    fallback = fallback_of(spec, trailing.sketches.values())
    verdict, reason = with_fallback(
        judgement.verdict, judgement.reason, fallback, enough=shown >= least
    )
    verdict, reason = with_quarantine(
        verdict, reason, judged_hour=hour, left_out=day.left_out | trailing.left_out
    )
    if measured.problem:
        reason = f"{reason} ({measured.problem})"
    return {
        **asdict(judgement),
        "columns": [_said(column) for column in columns],
        "verdict": verdict,
        "reason": reason,
        "fallback": asdict(fallback),
    }


def with_fallback(
    verdict: Verdict, reason: str, fallback: FallbackJudgement, *, enough: bool
) -> tuple[Verdict, str]:
    """Return the sensor's answer: drift of the columns, or the plain rule on the fallback share.

    Parameters:
        verdict, reason: of the columns.
        enough: whether the hour has impressions enough to alarm at all.
    """
    if fallback.verdict is Verdict.YES and enough:
        said = f"; {reason}" if verdict is Verdict.YES else ""
        return Verdict.YES, f"{fallback.reason}{said}"
    if verdict is Verdict.NO:
        return verdict, f"{reason}; {fallback.reason}"
    return verdict, reason


def judge_columns(
    profile: ReferenceProfile,
    day: Mapping[datetime, HourSketch],
    hour: datetime,
    spec: ModelSpec,
) -> list[ColumnDrift]:
    """Return what both views say of every column of the profile.

    Parameters:
        day: the sketches of the 24 hours that end with `hour`.
    """
    views = views_of(spec, len(profile.columns))
    own = day.get(hour, HourSketch())
    return [
        said
        for name, column in profile.columns.items()
        for said in _both(name, column, day, own, views)
    ]


def views_of(spec: ModelSpec, columns: int) -> tuple[View, View]:
    """Return the rolling day and the single hour, with the spec's thresholds."""
    drift = spec.monitor.drift
    alpha = drift_alpha(spec.monitor.false_alarms_per_year, columns)
    rolling = View(
        name="24h",
        min_psi=drift.min_psi,
        min_gain=drift.min_gain,
        alpha=alpha,
        empty_share=drift.empty_share,
    )
    return rolling, replace(rolling, name="1h", min_psi=drift.break_psi, min_gain=drift.break_gain)


def _both(
    name: str,
    column: ColumnProfile,
    day: Mapping[datetime, HourSketch],
    own: HourSketch,
    views: tuple[View, View],
) -> tuple[ColumnDrift, ColumnDrift]:
    nothing = (0,) * column.bins.size
    of_hours = [s.bins[name] for s in day.values() if name in s.bins]
    total = np.sum(of_hours, axis=0) if of_hours else nothing
    problem = own.problems.get(name, "")
    if not problem and not of_hours:
        problem = next((s.problems[name] for s in day.values() if name in s.problems), "")
    rolling, single = views
    return (
        judge_column(name, [total], column, view=rolling).at(
            -1, problem="" if of_hours else problem
        ),
        judge_column(name, [own.bins.get(name, nothing)], column, view=single).at(
            -1, problem=problem
        ),
    )


def fallback_of(spec: ModelSpec, trailing: Iterable[HourSketch]) -> FallbackJudgement:
    """Judge the fallback share by the plain rule.

    Parameters:
        trailing: the sketches of `trailing_window`.
    """
    found = list(trailing)
    return judge_fallback(
        [s.fallback for s in found],
        [s.impressions for s in found],
        max_share=spec.monitor.fallback.max_share,
        confidence=spec.monitor.confidence,
        min_impressions=spec.monitor.min_impressions,
    )


def _said(column: ColumnDrift) -> dict[str, Any]:
    """Return what is known of a column, without what does not apply."""
    return {name: value for name, value in asdict(column).items() if value not in (None, "")}
