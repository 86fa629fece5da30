"""Decide about an hour from its measurements; the decision is on record before anyone acts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Ledger, Measurement, Release
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.trigger import (
    DAY,
    MAX_COOLDOWN_FACTOR,
    Action,
    Finding,
    TriggerPolicy,
)
from evergreen.domain.trigger import decide as decide_trigger
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window, floor_hour, hour_key
from evergreen.monitor.left_out import TABLE
from evergreen.monitor.measure import trailing_window
from evergreen.monitor.probation import judge_probation
from evergreen.monitor.records import SENSORS


def decide(spec: ModelSpec, hour: datetime, *, ledger: Ledger, replay: bool) -> dict[str, Any]:
    """Decide from the hour's measurements; the decision is in the ledger before this returns.

    While the champion is on probation, that is judged first, and failing it comes before all else.

    A live decision is taken once: asked again, the same one comes back. A replay never requests
    anything; what it would have asked for stands under `would`.
    """
    before = ledger.decision(spec.model, hour, replay=False)
    if before is not None and not replay:
        return before.body
    champion = ledger.champion(spec.model)
    policy = policy_of(spec)
    measurements = [
        m for m in ledger.measurements(spec.model, Window.of_hour(hour)) if m.sensor in SENSORS
    ]
    trial = judge_probation(spec, hour, champion=champion, ledger=ledger, replay=replay)
    decision = decide_trigger(
        hour,
        {
            m.sensor: Finding(verdict=Verdict(m.verdict), reason=m.body["reason"])
            for m in measurements
        },
        policy=policy,
        earlier=_earlier_alarms(spec, hour, policy, champion, ledger),
        requested=_requests(spec, hour, policy, ledger),
        champion_as_of=champion.as_of if champion else None,
        probation=Finding(verdict=Verdict(trial["verdict"]), reason=trial["reason"])
        if trial
        else None,
    )
    asks = decision.action in (Action.REQUEST_RETRAIN, Action.REQUEST_ROLLBACK)
    body = {
        "model": spec.model,
        "hour": hour_key(hour),
        "action": str(Action.WARN if replay and asks else decision.action),
        "would": str(decision.action),
        "reasons": list(decision.reasons),
        "sensors": list(decision.sensors),
        "tell": decision.alarmed or not _is_new(spec, hour, champion),
        "replay": replay,
        "champion": champion.version if champion else None,
        "evidence": {
            **{m.sensor: evidence_of(m.body) for m in measurements},
            **({"probation": trial} if trial else {}),
        },
    }
    stored = ledger.put_decision(spec.model, hour, action=body["action"], body=body, replay=replay)
    return stored.body


def evidence_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return a measurement as decisions, messages and task results keep it.

    Of the columns only those that have drifted; the measurement itself holds them all.
    """
    if "columns" not in body:
        return body
    return {**body, "columns": [c for c in body["columns"] if c["verdict"] == Verdict.YES]}


def policy_of(spec: ModelSpec) -> TriggerPolicy:
    """Return the spec's trigger policy."""
    trigger = spec.monitor.trigger
    return TriggerPolicy(
        alarms=trigger.alarms,
        of_hours=trigger.of_hours,
        clear_after=trigger.clear_after,
        cooldown=trigger.cooldown,
        max_retrains_per_day=trigger.max_retrains_per_day,
        max_model_age=trigger.max_model_age,
    )


def _earlier_alarms(
    spec: ModelSpec,
    hour: datetime,
    policy: TriggerPolicy,
    champion: Release | None,
    ledger: Ledger,
) -> dict[str, list[datetime]]:
    """Return when each sensor alarmed lately about this champion.

    An alarm about an hour that was put into quarantine since does not count. One that is newer than
    the quarantine was raised by what was landed after it.
    """
    start = hour - policy.memory
    if champion is not None and champion.as_of <= hour:
        start = max(start, floor_hour(champion.as_of))
    put_aside = _quarantined_at(spec, Window(start, hour), ledger)
    found: dict[str, list[datetime]] = {}
    for m in ledger.measurements(spec.model, Window(start, hour)):
        if m.sensor not in SENSORS or m.verdict != Verdict.YES:
            continue
        moment = put_aside.get(_judged_hour(spec, m))
        if moment is None or moment < m.measured_at:
            found.setdefault(m.sensor, []).append(m.hour)
    return found


def _quarantined_at(spec: ModelSpec, window: Window, ledger: Ledger) -> dict[datetime, datetime]:
    """Return when each hour that the window's measurements judged was put into quarantine."""
    judged = Window(trailing_window(spec, window.start).end - HOUR, window.end)
    records = ledger.quarantine_records(spec.model, judged)
    return {r.hour: r.quarantined_at for r in records if r.table == TABLE}


def _judged_hour(spec: ModelSpec, measurement: Measurement) -> datetime:
    """Return the newest hour that the sensor looked at: of the CTR, the newest mature one."""
    if measurement.sensor != "ctr":
        return measurement.hour
    return trailing_window(spec, measurement.hour).end - HOUR


def _requests(
    spec: ModelSpec,
    hour: datetime,
    policy: TriggerPolicy,
    ledger: Ledger,
) -> list[datetime]:
    """Return the requests that may still hold back a new one.

    The cooldown grows with each one that was in vain, so the last few longest cooldowns matter.
    """
    doublings = MAX_COOLDOWN_FACTOR.bit_length()
    since = hour - max(policy.cooldown * MAX_COOLDOWN_FACTOR * doublings, DAY)
    requests = ledger.decisions(spec.model, since=since, action=Action.REQUEST_RETRAIN)
    return [request.hour for request in requests]


def _is_new(spec: ModelSpec, hour: datetime, champion: Release | None) -> bool:
    """Say whether a lack of data is to be expected: the champion is younger than the window."""
    return champion is not None and hour < champion.as_of + spec.monitor.window
