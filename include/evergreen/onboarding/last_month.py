"""What the sensors would have said of a lake's newest weeks, had they watched.

A profile is made from the days before, without a champion: impressions of all versions count, and
all features weigh alike. Then every hour is judged as the monitor would, with its cooldown: an
alarm asks for a retraining, and the evidence begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from evergreen.adapters.engine import engine_of
from evergreen.adapters.lake import Lake
from evergreen.adapters.reference import reference_profile
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.sketch import HourSketch
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import Window, hour_key
from evergreen.monitor.drift import fallback_of
from evergreen.monitor.measure import trailing_window
from evergreen.monitor.series import judge_ctr_hours, judge_drift_hours

DAY = timedelta(days=1)
JUDGED_DAYS = 28
REFERENCE_DAYS = 28
FEWEST_DAYS = 3
"""Days of reference that the drift sensor needs, and days to judge that are worth the reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One hour at which a retraining would have been asked for, and why."""

    hour: datetime
    sensor: str
    reason: str

    def __str__(self) -> str:
        return f"{hour_key(self.hour)} {self.sensor}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastMonth:
    """What the sensors would have said.

    Parameters:
        reference, judged: the days that the profile is of, and those that were judged by it.
        hours: that were judged, of all that the window has.
        alarmed_hours: at which a sensor would have alarmed, whether or not it was heard.
        requests: those that would have asked for a retraining.
        promised: alarms that the promise `false_alarms_per_year` allows in so many hours.
    """

    reference: Window
    judged: Window
    hours: int
    alarmed_hours: int
    requests: tuple[Alarm, ...]
    promised: float


def windows_of(whole: Window | None) -> tuple[Window, Window] | None:
    """Return the days to learn from and the days to judge: whole days, the newest ones.

    Returns:
        None when there are fewer than six days.

    Example: of ten days the first five are learnt from and the last five judged; of a hundred the
    last 28 are judged, by the 28 before them.
    """
    if whole is None:
        return None
    days = whole.length // DAY
    judged = min(JUDGED_DAYS, days // 2)
    learnt = min(REFERENCE_DAYS, days - judged)
    if judged < FEWEST_DAYS:
        return None
    middle = whole.end - judged * DAY
    return Window(middle - learnt * DAY, middle), Window(middle, whole.end)


def last_month(
    spec: ModelSpec,
    lake: Lake,
    whole: Window | None,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> LastMonth | None:
    """Judge the newest weeks of a lake; None when it has fewer than six days.

    Raises:
        WindowEmpty: the days to learn from have no impressions.
        ColumnMissing, ColumnTypeWrong, FileCorrupt: an hour that cannot be counted.
    """
    parts = windows_of(whole)
    if parts is None:
        return None
    reference, judged = parts
    say(f"making a profile of {reference}")
    profile = reference_profile(lake, reference, spec)
    say(f"counting {judged}")
    counted = Window(reference.start, judged.end)
    sketches = dict(engine_of(spec, lake).sketches(counted, profile.bins, version=None))
    asked: list[datetime] = []
    requests, alarmed = [], 0
    drift = judge_drift_hours(spec, judged, profile, sketches)
    ctr = judge_ctr_hours(spec, judged, profile, sketches, requested=asked)
    cooldown = spec.monitor.trigger.cooldown
    for index, (hour, of_ctr) in enumerate(zip(judged.hours(), ctr, strict=True)):
        found = [("ctr", of_ctr.reason)] if of_ctr.verdict is Verdict.YES else []
        if drift.verdicts[index] is Verdict.YES:
            found.append(("drift", drift.at(index).reason))
        found += [("fallback", why) for why in _fallback(spec, sketches, hour)]
        alarmed += bool(found)
        if found and (not asked or hour - asked[-1] >= cooldown):
            asked.append(hour)
            sensor, reason = found[0]
            requests.append(Alarm(hour=hour, sensor=sensor, reason=reason))
    hours = sum(1 for hour in judged.hours() if hour in sketches)
    return LastMonth(
        reference=reference,
        judged=judged,
        hours=hours,
        alarmed_hours=alarmed,
        requests=tuple(requests),
        promised=spec.monitor.false_alarms_per_year * (judged.length / timedelta(days=365)),
    )


def _fallback(
    spec: ModelSpec, sketches: Mapping[datetime, HourSketch], hour: datetime
) -> Iterator[str]:
    """Yield the reason when the trailing window's fallback share alarms in an hour with traffic."""
    own = sketches.get(hour)
    if own is None or own.impressions < spec.monitor.min_hour_impressions:
        return
    window = trailing_window(spec, hour)
    said = fallback_of(spec, (sketches[each] for each in window.hours() if each in sketches))
    if said.verdict is Verdict.YES:
        yield said.reason
