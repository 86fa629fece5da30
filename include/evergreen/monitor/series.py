"""Many hours judged at once from their sketches: for benches, backtests and pictures.

The same functions decide as in the hourly tasks, and a test holds the two together; what is shared
here is the work between overlapping windows. Hours in quarantine are for the caller to leave out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.column_drift import SHIFT, ColumnSeries, judge_column
from evergreen.domain.ctr import CtrJudgement
from evergreen.domain.ctr import judge_ctr as judge_ctr_hour
from evergreen.domain.drift import DriftJudgement
from evergreen.domain.drift import judge_drift as judge_drift_hour
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.sketch import HourSketch
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.ctr import alarm_of, rule_of
from evergreen.monitor.drift import views_of

DAY_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSeries:
    """What the drift sensor says of each hour of a window.

    Parameters:
        hours: start of each hour, [H].
        columns: both views of every column.
        verdicts: of the model, [H].
        impressions: of each hour, [H]; an hour with fewer than `min_impressions` never alarms.
    """

    hours: tuple[datetime, ...]
    columns: tuple[ColumnSeries, ...]
    verdicts: tuple[Verdict, ...]
    impressions: tuple[int, ...]
    min_importance: float
    min_impressions: int

    def at(self, index: int) -> DriftJudgement:
        """Return the whole judgement of one hour."""
        return judge_drift_hour(
            [column.at(index) for column in self.columns],
            min_importance=self.min_importance,
            impressions=self.impressions[index],
            min_impressions=self.min_impressions,
        )


def judge_drift_hours(
    spec: ModelSpec,
    window: Window,
    profile: ReferenceProfile,
    sketches: Mapping[datetime, HourSketch],
) -> DriftSeries:
    """Judge the drift of every hour of a window.

    Parameters:
        sketches: of the window's hours and of the day before it; absent hours count nothing.
    """
    hours = tuple(window.hours())
    before = [hours[0] - HOUR * back for back in range(DAY_HOURS - 1, 0, -1)] if hours else []
    found = [sketches.get(hour) for hour in (*before, *hours)]
    rolling, single = views_of(spec, len(profile.columns))
    columns = []
    for name, column in profile.columns.items():
        nothing = (0,) * column.bins.size
        rows = np.asarray([s.bins.get(name, nothing) if s else nothing for s in found], dtype=float)
        sums = np.vstack([np.zeros((1, column.bins.size)), rows.cumsum(axis=0)])
        columns.append(
            judge_column(name, sums[DAY_HOURS:] - sums[:-DAY_HOURS], column, view=rolling)
        )
        columns.append(judge_column(name, rows[DAY_HOURS - 1 :], column, view=single))
    impressions = tuple(sketches[h].impressions if h in sketches else 0 for h in hours)
    least, thin = spec.monitor.drift.min_importance, spec.monitor.min_hour_impressions
    open_hours = np.asarray(impressions) >= thin
    return DriftSeries(
        hours=hours,
        columns=tuple(columns),
        verdicts=_verdicts(columns, open_hours, least),
        impressions=impressions,
        min_importance=least,
        min_impressions=thin,
    )


def _verdicts(
    columns: Sequence[ColumnSeries], open_hours: np.ndarray, min_importance: float
) -> tuple[Verdict, ...]:
    """Return the model's verdict of each hour: the rule of `domain.drift`, for all at once."""
    drifted, judged = np.zeros(open_hours.size), np.zeros(open_hours.size)
    for rolling, single in zip(columns[::2], columns[1::2], strict=True):
        weight = rolling.column.importance
        yes = (rolling.what >= SHIFT) & rolling.judged | (single.what >= SHIFT) & single.judged
        drifted += weight * yes
        judged += weight * (rolling.judged | single.judged)
    any_yes = (drifted > 0) & open_hours
    judged = np.where(open_hours, judged, -1.0)
    return tuple(
        Verdict.YES
        if yes and some >= min_importance
        else Verdict.NOT_ENOUGH_DATA
        if known < min_importance
        else Verdict.NO
        for yes, some, known in zip(any_yes, drifted, judged, strict=True)
    )


def judge_ctr_hours(
    spec: ModelSpec,
    window: Window,
    profile: ReferenceProfile,
    sketches: Mapping[datetime, HourSketch],
    *,
    since: datetime | None = None,
    requested: Sequence[datetime] = (),
) -> Iterator[CtrJudgement]:
    """Yield the judgement of the CTR of every hour of a window.

    Parameters:
        sketches: of the window's hours and of `monitor.ctr.memory` before it.
        since: the champion's `as_of`: evidence begins there.
        requested: hours for which a retraining was requested: evidence begins anew after each. It
            may grow while hours are judged.
    """
    alarm, rule, monitor = alarm_of(profile, spec), rule_of(spec), spec.monitor
    length = max(monitor.ctr.memory, monitor.window)
    known = list(Window(window.start - length, window.end).hours())
    known = [hour for hour in known if hour in sketches or hour in window]
    clicks = [sketches[h].clicks if h in sketches else 0 for h in known]
    shown = [sketches[h].labelled if h in sketches else 0 for h in known]
    position = {hour: i for i, hour in enumerate(known)}
    c, n, first = np.asarray(clicks, dtype=float), np.asarray(shown, dtype=float), 0
    expected = profile.ctr.expected(known) if profile.ctr else None
    for hour in window.hours():
        end = spec.lake.mature_end(hour)
        start = max(filter(None, (end - length, since)))
        asked = [moment + HOUR for moment in requested if moment < hour]
        while first < len(known) and known[first] < start:
            first += 1
        stop = position[end - HOUR] + 1 if end - HOUR in position else len(known)
        yield judge_ctr_hour(
            known[first:stop],
            c[first:stop],
            n[first:stop],
            window_start=end - monitor.window,
            evidence_start=max([start, *asked]),
            baseline=profile.ctr,
            alarm=alarm,
            rule=rule,
            expected=None if expected is None else expected[first:stop],
        )
