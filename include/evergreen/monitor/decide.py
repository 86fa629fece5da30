"""Decide about an hour from its measurements; the decision is on record before anyone acts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Ledger, Release
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.trigger import DAY, Action, Finding, TriggerPolicy
from evergreen.domain.trigger import decide as decide_trigger
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import Window, hour_key
from evergreen.monitor.records import SENSORS


def decide(spec: ModelSpec, hour: datetime, *, ledger: Ledger, replay: bool) -> dict[str, Any]:
    """Decide from the hour's measurements; the decision is in the ledger before this returns.

    A live decision is taken once: asked again, the same one comes back. A replay never requests
    anything; what it would have asked for stands under `would`.
    """
    before = ledger.decision(spec.model, hour, replay=False)
    if before is not None and not replay:
        return before.body
    champion = ledger.champion(spec.model)
    trigger = spec.monitor.trigger
    since = hour - max(trigger.cooldown, DAY)
    requests = ledger.decisions(spec.model, since=since, action=Action.REQUEST_RETRAIN)
    measurements = [
        m for m in ledger.measurements(spec.model, Window.of_hour(hour)) if m.sensor in SENSORS
    ]
    decision = decide_trigger(
        hour,
        {
            m.sensor: Finding(verdict=Verdict(m.verdict), reason=m.body["reason"])
            for m in measurements
        },
        policy=TriggerPolicy(
            cooldown=trigger.cooldown, max_retrains_per_day=trigger.max_retrains_per_day
        ),
        requested=[r.hour for r in requests],
        champion_as_of=champion.as_of if champion else None,
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
        "evidence": {m.sensor: m.body for m in measurements},
    }
    stored = ledger.put_decision(spec.model, hour, action=body["action"], body=body, replay=replay)
    return stored.body


def _is_new(spec: ModelSpec, hour: datetime, champion: Release | None) -> bool:
    """Say whether a lack of data is to be expected: the champion is younger than the window."""
    return champion is not None and hour < champion.as_of + spec.monitor.window
