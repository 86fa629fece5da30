"""The CTR sensor over the ledger's sketches."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.alarm_level import calibrate, drops_from
from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.ctr import CtrRule
from evergreen.domain.ctr import judge_ctr as judge
from evergreen.domain.detector import Alarm
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.promise import ctr_alarms_per_year
from evergreen.domain.trigger import Action
from evergreen.domain.windows import HOUR, floor_hour
from evergreen.monitor.left_out import with_quarantine
from evergreen.monitor.measure import memory_window, trailing_window
from evergreen.monitor.records import Measured, measured_hour, record, sketches_of

SEED = 7  # of the simulation that finds an alarm level: the same profile gets the same level


def judge_ctr(spec: ModelSpec, hour: datetime, *, ledger: Ledger, replay: bool) -> dict[str, Any]:
    """Judge the CTR up to this hour, and write the measurement.

    Raises:
        WindowEmpty: `measure_hour` has not measured this hour.
    """
    body = ctr_of(spec, hour, measured_hour(spec, hour, ledger), ledger=ledger)
    return record(spec, hour, "ctr", body, ledger=ledger, replay=replay)


def ctr_of(
    spec: ModelSpec, hour: datetime, measured: Measured, *, ledger: Ledger
) -> dict[str, Any]:
    """Judge the CTR up to this hour.

    Evidence counts from the last request for a retraining on: what was asked for once is not asked
    for again on the same hours. Hours in quarantine do not count.
    """
    memory = memory_window(spec, hour, since=measured.since)
    counted = sketches_of(spec, memory, measured, ledger)
    found, newest = counted.sketches, memory.end - HOUR
    hours = [*(h for h in found if h < newest), newest]
    profile = measured.profile
    judgement = judge(
        hours,
        [found[h].clicks if h in found else 0 for h in hours],
        [found[h].labelled if h in found else 0 for h in hours],
        window_start=trailing_window(spec, hour).start,
        evidence_start=_evidence_start(spec, hour, memory.start, ledger),
        baseline=profile.ctr,
        alarm=alarm_of(profile, spec),
        rule=rule_of(spec),
    )
    verdict, reason = with_quarantine(
        judgement.verdict, judgement.reason, judged_hour=newest, left_out=counted.left_out
    )
    if measured.problem:
        reason = f"{reason} ({measured.problem})"
    return {**asdict(judgement), "verdict": verdict, "reason": reason}


def rule_of(spec: ModelSpec) -> CtrRule:
    """Return the spec's rule on the CTR."""
    rule = spec.monitor
    return CtrRule(
        max_drop=rule.ctr.max_drop,
        floor=rule.ctr.floor,
        confidence=rule.confidence,
        min_impressions=rule.min_impressions,
        min_hour_impressions=rule.min_hour_impressions,
    )


def alarm_of(profile: ReferenceProfile, spec: ModelSpec) -> Alarm | None:
    """Return the profile's alarm, or one made for the spec where its thresholds have changed."""
    drops = drops_from(spec.monitor.ctr.min_drop)
    rate = ctr_alarms_per_year(spec.monitor.false_alarms_per_year)
    kept = profile.alarm
    if profile.ctr is None or kept is None:
        return kept
    if kept.drops == drops and kept.false_alarms_per_year == rate:
        return kept
    return _calibrated(profile.ctr, drops, rate)


@lru_cache(maxsize=64)
def _calibrated(baseline: CtrBaseline, drops: tuple[float, ...], rate: float) -> Alarm:
    return calibrate(baseline, drops=drops, false_alarms_per_year=rate, seed=SEED)


def _evidence_start(spec: ModelSpec, hour: datetime, start: datetime, ledger: Ledger) -> datetime:
    requests = ledger.decisions(spec.model, since=start, action=Action.REQUEST_RETRAIN)
    asked = [floor_hour(r.hour) + HOUR for r in requests if r.hour < hour]
    return max([start, *asked])
