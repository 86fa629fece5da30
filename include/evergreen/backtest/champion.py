"""A champion at work: what it serves, its sketches so far, and what the sensors say of an hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from evergreen.backtest.history import History
from evergreen.backtest.judged import Opponent
from evergreen.backtest.serving import Shelf
from evergreen.backtest.sketching import Sketcher
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.carried import RECENT, CarriedExpectation, carry_over
from evergreen.domain.probation import Trial, judge_probation
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.served_scores import (
    ServedScores,
    judge_served_scores,
    with_served_scores,
)
from evergreen.domain.sketch import HourSketch
from evergreen.domain.trigger import Finding
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import Window
from evergreen.monitor.drift import fallback_of, with_fallback
from evergreen.monitor.measure import trailing_window
from evergreen.monitor.probation import SCORE, rule_of
from evergreen.monitor.series import DriftSeries, judge_ctr_hours, judge_drift_hours

AHEAD = timedelta(days=1)
"""Hours that are judged together; an hour's answer rests on no later one."""
Findings = dict[str, Finding]
"""What each sensor says of an hour."""


class Champion:
    """One release of one version.

    Parameters:
        as_of: the moment that its features look back from: no hour before it is its own.
        sketches_of: makes the sketches of a window's hours, in the bins of its profile.
        deployed: its first hour.
        until: where the backtest ends.
        replaced: whom it replaced by a promotion; None for the first and after a rollback.
        in_words: say of quiet hours too what the drift sensor found.
    """

    def __init__(
        self,
        profile: ReferenceProfile,
        *,
        as_of: datetime,
        sketches_of: Callable[[Window], Mapping[datetime, HourSketch]],
        spec: ModelSpec,
        deployed: datetime,
        until: datetime,
        replaced: Champion | None = None,
        in_words: bool = False,
    ) -> None:
        self.profile, self.as_of, self.deployed, self.until = profile, as_of, deployed, until
        self._spec, self._sketches_of = spec, sketches_of
        self.sketches: dict[datetime, HourSketch] = {}
        self._in_words = in_words
        self._carried = replaced.carried(deployed) if replaced else None
        self._on_trial = replaced is not None
        self._scores: dict[datetime, ServedScores | None] = {}

    @classmethod
    def of(
        cls,
        opponent: Opponent,
        history: History,
        spec: ModelSpec,
        window: Window,
        *,
        replaced: Champion | None,
        in_words: bool,
    ) -> Champion:
        """Return a trained version that serves the history's baskets in a window."""
        profile = opponent.trained.profile(opponent.version)
        sketcher = Sketcher(Shelf(opponent.trained.offered, history), profile)

        def sketches_of(part: Window) -> Mapping[datetime, HourSketch]:
            return sketcher.sketches(history, part, spec.lake.attribution_window)

        return cls(
            profile,
            as_of=opponent.as_of,
            sketches_of=sketches_of,
            spec=spec,
            deployed=window.start,
            until=window.end,
            replaced=replaced,
            in_words=in_words,
        )

    def findings(self, requested: Sequence[datetime]) -> Iterator[tuple[datetime, Findings]]:
        """Yield each hour from the deployment on with what the sensors say of it.

        Parameters:
            requested: hours of requests so far; it may grow between two hours.
        """
        start = self.deployed
        while start < self.until:
            window = Window(start, min(start + AHEAD, self.until))
            self.sketches.update(self._sketches_of(window))
            yield from self._judged(window, requested)
            start = window.end

    def _judged(
        self, window: Window, requested: Sequence[datetime]
    ) -> Iterator[tuple[datetime, Findings]]:
        spec, since = self._spec, self.as_of
        drift = judge_drift_hours(spec, window, self.profile, self.sketches)
        ctr = judge_ctr_hours(
            spec, window, self.profile, self.sketches, since=since, requested=requested
        )
        for index, (hour, said) in enumerate(zip(window.hours(), ctr, strict=True)):
            if self._on_trial:
                self._scores[hour] = self._served_scores(drift, index)
            yield (
                hour,
                {
                    "ctr": Finding(verdict=said.verdict, reason=said.reason),
                    "drift": self._drift(hour, drift, index),
                },
            )

    def _drift(self, hour: datetime, series: DriftSeries, index: int) -> Finding:
        monitor, verdict = self._spec.monitor, series.verdicts[index]
        reason = ""
        if self._in_words or verdict is Verdict.YES:
            reason = series.at(index).reason  # of every column: takes longer than all else
        window = trailing_window(self._spec, hour)
        trailing = (self.sketches[h] for h in window.hours() if h in self.sketches)
        fallback = fallback_of(self._spec, trailing)
        enough = self._impressions(hour) >= monitor.min_hour_impressions
        verdict, reason = with_fallback(verdict, reason, fallback, enough=enough)
        return Finding(verdict=verdict, reason=reason)

    def _served_scores(self, series: DriftSeries, index: int) -> ServedScores | None:
        max_psi = self._spec.deploy.probation_max_score_psi
        for column in series.columns:
            if max_psi is not None and (column.name, column.view.name) == (SCORE, "24h"):
                said = column.at(index)
                return judge_served_scores(said.verdict, said.psi, said.rows, max_psi=max_psi)
        return None

    def probation(self, hour: datetime) -> Finding | None:
        """Say whether it fails its probation up to this hour; None while it is on none."""
        trial = self._trial(hour)
        if trial is None:
            return None
        hours = [h for h in trial.hours() if h in self.sketches]
        said = judge_probation(
            hours,
            [self.sketches[h].clicks for h in hours],
            [self.sketches[h].labelled for h in hours],
            expectation=self._carried,
            rule=rule_of(self._spec),
        )
        verdict, reason = with_served_scores(said.verdict, said.reason, self._scores.get(hour))
        return Finding(verdict=verdict, reason=reason)

    def _trial(self, hour: datetime) -> Window | None:
        if not self._on_trial:
            return None
        end = self._spec.lake.mature_end(hour)
        trial = Trial(begun=self.as_of, length=self._spec.deploy.probation)
        seen = trial.looked_at(hour, mature_end=end)
        if seen is None:
            return None
        served = next((h for h in seen.hours() if self._impressions(h)), None)
        return trial.hours(served, mature_end=end)

    def _impressions(self, hour: datetime) -> int:
        return self.sketches[hour].impressions if hour in self.sketches else 0

    def carried(self, switched: datetime) -> CarriedExpectation | None:
        """Return what it would go on earning after it was replaced."""
        if self.profile.ctr is None:
            return None
        window = Window.last(max(RECENT), until=switched)
        hours = [h for h in window.hours() if h in self.sketches]
        return carry_over(
            self.profile.ctr,
            hours,
            [self.sketches[h].clicks for h in hours],
            [self.sketches[h].labelled for h in hours],
            switched=switched,
        )
