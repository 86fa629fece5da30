"""Our own sensors over simulated traffic: the functions of the DAGs, from profile to request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from streams import Stream

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.profile import make_profile
from evergreen.domain.promise import ctr_alarms_per_year
from evergreen.domain.sketch import HourSketch
from evergreen.domain.trigger import Finding, decide
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.decide import policy_of
from evergreen.monitor.series import judge_ctr_hours, judge_drift_hours

NEVER_OLD = "3650d"  # what is counted here are the sensors' requests, not those for age


class Ours:
    """The sensors with the profile of a reference, and the default trigger policy.

    Parameters:
        reference: 28 days.
        false_alarms_per_year: the promise of all sensors together.
        seed: of the simulation that finds the CTR sensor's alarm level.
    """

    def __init__(self, reference: Stream, *, false_alarms_per_year: float, seed: int) -> None:
        self.spec = ModelSpec.model_validate(
            {
                "model": "simulated",
                "description": "",
                "owner": "bench",
                "monitor": {
                    "false_alarms_per_year": false_alarms_per_year,
                    "trigger": {"max_model_age": NEVER_OLD},
                },
            }
        )
        sketches = sketches_of(reference)
        self.profile = make_profile(
            sketches,
            {name: _bins(name, counts.shape[1]) for name, counts in reference.bins.items()},
            importance=reference.importance,
            false_alarms_per_year=ctr_alarms_per_year(false_alarms_per_year),
            seed=seed,
            model_version="1",
        )

    def ctr_alarms(self, stream: Stream, *, at_most: int | None = None) -> list[int]:
        """Return the hours, by index, at which the CTR sensor has a retraining requested."""
        window = Window(stream.start, _end(stream))
        requested: list[int] = []
        asked = _Hours(stream, requested)
        judged = judge_ctr_hours(
            self.spec,
            window,
            self.profile,
            sketches_of(stream, bins=False),
            since=stream.start,
            requested=asked,
        )
        for index, said in enumerate(judged):
            self._request("ctr", said.verdict, index, stream, requested)
            if len(requested) == at_most:
                break
        return requested

    def drift_alarms(self, stream: Stream) -> list[int]:
        """Return the hours, by index, at which the drift sensor has a retraining requested."""
        said = judge_drift_hours(
            self.spec, Window(stream.start, _end(stream)), self.profile, sketches_of(stream)
        )
        requested: list[int] = []
        for index in np.flatnonzero([v is Verdict.YES for v in said.verdicts]):
            self._request("drift", Verdict.YES, int(index), stream, requested)
        return requested

    def _request(
        self, sensor: str, verdict: Verdict, index: int, stream: Stream, requested: list[int]
    ) -> None:
        if verdict is not Verdict.YES:
            return
        decision = decide(
            stream.start + index * HOUR,
            {sensor: Finding(verdict=verdict, reason="")},
            policy=policy_of(self.spec),
            earlier={},
            requested=_Hours(stream, requested[-1:]),
            champion_as_of=stream.start - timedelta(days=2),
        )
        if decision.action == "request_retrain":
            requested.append(index)


class _Hours:
    """Indices as hours; it grows with its list."""

    def __init__(self, stream: Stream, indices: list[int]) -> None:
        self._start, self._indices = stream.start, indices

    def __iter__(self) -> Iterator[datetime]:
        return (self._start + index * HOUR for index in self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, at: int) -> datetime:
        return self._start + self._indices[at] * HOUR


def _end(stream: Stream) -> datetime:
    return stream.start + stream.hours * HOUR


def _bins(name: str, size: int) -> Bins:
    """Return bins of the right number; what they hold was counted by the simulation."""
    if name.startswith("number"):
        return NumericBins(edges=tuple(float(edge) for edge in range(size - 2)))
    return LevelBins(groups=tuple((str(group),) for group in range(size - 2)))


def sketches_of(stream: Stream, *, bins: bool = True) -> dict[datetime, HourSketch]:
    """Return what the ledger would hold of a stream, with or without its bins."""
    counts = {n: c.tolist() for n, c in stream.bins.items()} if bins else {}
    squares = stream.view_squares.tolist()
    return {
        stream.start + i * HOUR: HourSketch(
            impressions=int(n),
            labelled=int(n),
            clicks=int(c),
            view_squares=tuple(squares[i]),
            bins={name: tuple(rows[i]) for name, rows in counts.items()},
        )
        for i, (n, c) in enumerate(zip(stream.impressions, stream.clicks, strict=True))
    }
