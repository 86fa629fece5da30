"""The trigger policy: from evidence to one decision, with every reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, hour_key

DAY = timedelta(hours=24)
MAX_COOLDOWN_FACTOR = 8
"""How far the cooldown may grow by doubling."""


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
        alarms, of_hours: a sensor must alarm in so many of the last so many hours, and in the
            newest one; more alarms are calmer and later.
        clear_after: hours without any alarm after which the model is healthy again; longer is
            calmer.
        cooldown: no second request this soon after the last request or champion. It doubles with
            each request that brought no new champion; longer is calmer.
        max_retrains_per_day: requests allowed in any 24 hours.
        max_model_age: a champion older than this is retrained whatever the sensors say.
    """

    alarms: int
    of_hours: int
    clear_after: int
    cooldown: timedelta
    max_retrains_per_day: int
    max_model_age: timedelta

    @property
    def memory(self) -> timedelta:
        """How far back earlier findings matter."""
        return HOUR * max(self.of_hours - 1, self.clear_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one sensor said of an hour."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDecision:
    """The decision, and every reason for and against acting.

    Parameters:
        sensors: those behind the reasons: the alarming ones, else those that lack data.
        alarmed: whether any sensor said yes, or the champion is too old.
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
    earlier: Mapping[str, Sequence[datetime]],
    requested: Sequence[datetime],
    champion_as_of: datetime | None,
    probation: Finding | None = None,
) -> TriggerDecision:
    """Decide what to do about an hour.

    A champion that fails its probation goes back at once, whatever the sensors, the cooldown and
    the budget say: its predecessor is still published, and nothing has to be trained. Otherwise a
    sensor that alarms now, and in `alarms` of the last `of_hours` hours, asks for a retraining;
    so does a champion older than `max_model_age`. Within the cooldown, or when the day's budget is
    spent, that is a warning. So is an alarm that is not repeated yet, a lack of data, and the time
    until `clear_after` hours have passed without an alarm; only then is the model healthy.

    Parameters:
        hour: start of the judged hour.
        findings: sensor name to what it said of this hour.
        earlier: sensor name to the earlier hours at which it alarmed.
        requested: hours for which a retraining was requested before this one.
        champion_as_of: end of the champion's training window; None without a champion.
        probation: whether the champion fails it (`yes`); None when it is on none.
    """
    alarms = {name: f.reason for name, f in findings.items() if f.verdict is Verdict.YES}
    unsure = {n: f.reason for n, f in findings.items() if f.verdict is Verdict.NOT_ENOUGH_DATA}
    lacking = [f"{name}: not enough data: {reason}" for name, reason in unsure.items()]
    if not findings:
        lacking.append("no sensor has judged this hour")
    reasons = [f"{name}: {reason}" for name, reason in alarms.items()]
    if probation is not None and probation.verdict is Verdict.YES:
        return TriggerDecision(
            action=Action.REQUEST_ROLLBACK,
            reasons=(f"probation: {probation.reason}", *reasons),
            sensors=("probation",),
            alarmed=True,
        )
    proven = [name for name in alarms if _alarms(name, hour, earlier, policy) >= policy.alarms]
    old = _too_old(hour, champion_as_of, policy)
    if proven or old:
        held = _held_back(hour, policy, requested, champion_as_of)
        return TriggerDecision(
            action=Action.WARN if held else Action.REQUEST_RETRAIN,
            reasons=(*reasons, *old, *lacking, *held),
            sensors=(*alarms, *(["age"] if old else [])),
            alarmed=True,
        )
    if alarms:
        count = max(_alarms(name, hour, earlier, policy) for name in alarms)
        wait = f"{count} of {policy.alarms} alarms needed within {policy.of_hours} hours"
        return TriggerDecision(
            action=Action.WARN,
            reasons=(*reasons, *lacking, wait),
            sensors=tuple(alarms),
            alarmed=True,
        )
    return _quiet(hour, findings, lacking, tuple(unsure), earlier, policy)


def _quiet(
    hour: datetime,
    findings: Mapping[str, Finding],
    lacking: list[str],
    unsure: tuple[str, ...],
    earlier: Mapping[str, Sequence[datetime]],
    policy: TriggerPolicy,
) -> TriggerDecision:
    since = hour - HOUR * policy.clear_after
    recent = {n: max(at) for n, at in earlier.items() if at and since <= max(at) < hour}
    waiting = [
        f"{name}: alarmed last at {hour_key(moment)}, healthy after {policy.clear_after} hours"
        for name, moment in recent.items()
    ]
    reasons = [*lacking, *waiting]
    return TriggerDecision(
        action=Action.WARN if reasons else Action.HEALTHY,
        reasons=tuple(reasons or (f"{name}: {f.reason}" for name, f in findings.items())),
        sensors=unsure or tuple(recent),
        alarmed=False,
    )


def _alarms(
    name: str, hour: datetime, earlier: Mapping[str, Sequence[datetime]], policy: TriggerPolicy
) -> int:
    """Return in how many of the last `of_hours` hours the sensor alarmed, this one included."""
    first = hour - HOUR * (policy.of_hours - 1)
    return 1 + sum(first <= moment < hour for moment in earlier.get(name, ()))


def _too_old(
    hour: datetime, champion_as_of: datetime | None, policy: TriggerPolicy
) -> tuple[str, ...]:
    if champion_as_of is None or hour + HOUR - champion_as_of < policy.max_model_age:
        return ()
    age, limit = hour + HOUR - champion_as_of, policy.max_model_age
    return (f"age: the champion is {age / DAY:.1f} days old, {limit / DAY:g} allowed",)


def _held_back(
    hour: datetime,
    policy: TriggerPolicy,
    requested: Sequence[datetime],
    champion_as_of: datetime | None,
) -> list[str]:
    earlier = [moment for moment in requested if moment < hour]
    made = [champion_as_of] if champion_as_of is not None and champion_as_of <= hour else []
    last = max([*earlier, *made], default=None)
    fruitless = sum(not made or moment >= made[0] for moment in earlier)
    factor = min(2 ** max(fruitless - 1, 0), MAX_COOLDOWN_FACTOR)
    held = []
    if last is not None and hour < last + factor * policy.cooldown:
        again = f" ({fruitless} requests brought no new champion)" if fruitless > 1 else ""
        held.append(
            f"cooldown: retrained or requested at {hour_key(last)}, quiet until "
            f"{hour_key(last + factor * policy.cooldown)}{again}"
        )
    today = sum(hour - DAY < moment for moment in earlier)
    if today >= policy.max_retrains_per_day:
        held.append(f"budget: {today} requests in 24 hours, {policy.max_retrains_per_day} allowed")
    return held
