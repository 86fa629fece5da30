"""A log of impressions without orders: what can be replayed of it, and what cannot be known.

The sensors see the same impressions as then, so their alarms can be replayed. What other lists
would have earned was never seen: that can be estimated only where the log says how likely each item
was to be shown (`domain.off_policy`), and is refused with the reason where it does not.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from evergreen.adapters.engine import engine_of
from evergreen.adapters.lake import Lake
from evergreen.adapters.off_policy_log import evaluate_over
from evergreen.adapters.policies import read_policy
from evergreen.adapters.reference import reference_profile
from evergreen.backtest.champion import Champion
from evergreen.backtest.timeline import Kind, Timeline
from evergreen.backtest.watch import Watch
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import BacktestInvalid
from evergreen.domain.trigger import Action
from evergreen.domain.windows import Window, hour_key
from evergreen.trainer.off_policy import UNUSABLE

REFERENCE = timedelta(days=3)
"""The first days, that the rest is held against by default: as few as the drift sensor takes."""
MIN_EFFECTIVE_SAMPLE = 500.0
CANNOT = (
    "the CTR of another policy of retraining: its lists were never shown, so nobody clicked them",
    "what a retraining would have brought: the log holds no orders to learn from",
)


def sensors_only(
    spec: ModelSpec,
    *,
    lake: Lake,
    start: datetime | None,
    end: datetime | None,
    policy: Path | None,
) -> dict[str, Any]:
    """Replay the sensors over a lake's impressions.

    The impressions before `start` are the reference: the profile is made of them.

    Parameters:
        start, end: the hours to judge; by default all after `REFERENCE`.
        policy: a file of `evergreen off-policy`, to be estimated; None: the log's own.

    Raises:
        BacktestInvalid: there is nothing before, or nothing to judge.
    """
    closed = lake.closed_hours("impressions")
    if not closed:
        raise BacktestInvalid(f"{lake.url} has no closed hour of impressions; land hours first")
    first = closed[0]
    window = Window(start or first + REFERENCE, end or closed[-1] + timedelta(hours=1))
    if window.start <= first or not window.length:
        raise BacktestInvalid(
            f"{window} leaves no reference: impressions begin at {hour_key(first)}; name a later "
            f"--from"
        )
    reference = Window(first, window.start)
    profile = reference_profile(lake, reference, spec)
    engine, line = engine_of(spec, lake), Timeline()
    champion = Champion(
        profile,
        as_of=window.start,
        sketches_of=lambda part: engine.sketches(part, profile.bins, version=None),
        spec=spec,
        deployed=window.start,
        until=window.end,
    )
    watch, requests = Watch(spec, line), []
    while (asked := watch.until_asked(champion)) is not None:
        if asked[1] is Action.REQUEST_RETRAIN:
            requests.append({"hour": hour_key(asked[0]), "reasons": list(line.decisions[-1][2])})
    sketches = champion.sketches.values()
    shown, clicks = (sum(s.labelled for s in sketches), sum(s.clicks for s in sketches))
    return {
        "model": spec.model,
        "from": hour_key(window.start),
        "to": hour_key(window.end),
        "hours": len(line.decisions),
        "reference": str(reference),
        "ctr_logged": round(clicks / shown, 6) if shown else None,
        "alarms": [event.to_json() for event in line.events if event.kind is Kind.ALARM],
        "requests": requests,
        "off_policy": _estimate(spec, window, lake, policy),
        "cannot_be_known": list(CANNOT),
    }


def _estimate(spec: ModelSpec, window: Window, lake: Lake, policy: Path | None) -> dict[str, Any]:
    try:
        found = evaluate_over(
            spec,
            window,
            None if policy is None else read_policy(policy),
            lake=lake,
            clip=None,
            min_effective_sample=MIN_EFFECTIVE_SAMPLE,
        )
    except UNUSABLE as error:
        return {"refused": str(error)}
    return asdict(found)
