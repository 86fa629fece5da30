"""The trigger policy: from evidence to one decision, with every reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import hour_key

DAY = timedelta(hours=24)


class Action(StrEnum):
    """What the monitor asks for."""

    HEALTHY = "healthy"
    WARN = "warn"
    REQUEST_RETRAIN = "request_retrain"
    REQUEST_ROLLBACK = "request_rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPolicy:
    """When evidence becomes a retraining.

    Parameters:
        cooldown: no second request this soon after the last request or champion; longer is calmer.
        max_retrains_per_day: requests allowed in any 24 hours.
    """

    cooldown: timedelta
    max_retrains_per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one sensor said of the hour."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDecision:
    """The decision, and every reason for and against acting.

    Parameters:
        sensors: those behind the reasons: the alarming ones, else those that lack data.
        alarmed: whether any sensor said yes.
    """

    action: Action
    reasons: tuple[str, ...]
    sensors: tuple[str, ...]
    alarmed: bool


def decide(
    hour: datetime,
    findings: Mapping[str, Finding],
    *,
    policy: TriggerPolicy,
    requested: Sequence[datetime],
    champion_as_of: datetime | None,
) -> TriggerDecision:
    """Decide what to do about an hour.

    A sensor's yes asks for a retraining, unless one was asked for (or a champion was made) within
    the cooldown, or the day's budget is spent: then it is a warning. Without a yes, a sensor that
    has too little data makes it a warning too; only when all say no is the model healthy.

    Parameters:
        hour: start of the judged hour.
        findings: sensor name to what it said.
        requested: hours for which a retraining was requested before this one.
        champion_as_of: end of the champion's training window; None without a champion.
    """
    alarms = {name: f.reason for name, f in findings.items() if f.verdict is Verdict.YES}
    unsure = {n: f.reason for n, f in findings.items() if f.verdict is Verdict.NOT_ENOUGH_DATA}
    lacking = [f"{name}: not enough data: {reason}" for name, reason in unsure.items()]
    if not findings:
        lacking.append("no sensor has judged this hour")
    if not alarms:
        quiet = [f"{name}: {f.reason}" for name, f in findings.items()]
        return TriggerDecision(
            action=Action.WARN if lacking else Action.HEALTHY,
            reasons=tuple(lacking or quiet),
            sensors=tuple(unsure),
            alarmed=False,
        )
    held = _held_back(hour, policy, requested, champion_as_of)
    return TriggerDecision(
        action=Action.WARN if held else Action.REQUEST_RETRAIN,
        reasons=(*(f"{name}: {reason}" for name, reason in alarms.items()), *lacking, *held),
        sensors=tuple(alarms),
        alarmed=True,
    )


def _held_back(
    hour: datetime,
    policy: TriggerPolicy,
    requested: Sequence[datetime],
    champion_as_of: datetime | None,
) -> list[str]:
    earlier = [moment for moment in requested if moment < hour]
    made = [champion_as_of] if champion_as_of is not None and champion_as_of <= hour else []
    last = max([*earlier, *made], default=None)
    held = []
    if last is not None and hour < last + policy.cooldown:
        held.append(
            f"cooldown: retrained or requested at {hour_key(last)}, quiet until "
            f"{hour_key(last + policy.cooldown)}"
        )
    today = sum(hour - DAY < moment for moment in earlier)
    if today >= policy.max_retrains_per_day:
        held.append(f"budget: {today} requests in 24 hours, {policy.max_retrains_per_day} allowed")
    return held
