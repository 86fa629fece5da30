"""The reference profile: what a champion's impressions looked like when it was new.

It is made from sketches of a reference window, hour by hour, so that whatever makes hours and days
differ without any change is known; and it is stored with the model version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from evergreen.domain.alarm_level import calibrate
from evergreen.domain.baseline import CtrBaseline, fit_baseline
from evergreen.domain.bins import Bins, bins_from_json
from evergreen.domain.detector import GRID, Alarm
from evergreen.domain.errors import ProfileInvalid
from evergreen.domain.promise import ctr_alarms_per_year
from evergreen.domain.sketch import HourSketch, merge
from evergreen.domain.surprise import Spread, fit_spread

SCHEMA = 2
OUTPUT_IMPORTANCE = 1.0
"""Importance of what the model answers (score, `source`): a change there is one of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """What is expected of one column.

    Parameters:
        bins: where its values are counted.
        counts: reference rows in each bin, [bins.size].
        importance: share of the model's gain, 0 to 1; of an output 1.
        day, hour: how much 24 hours and single hours differ without a change.
    """

    bins: Bins
    counts: tuple[int, ...]
    importance: float
    day: Spread
    hour: Spread


@dataclass(frozen=True, kw_only=True)
class ReferenceProfile:
    """What is expected of one model version.

    Parameters:
        model_version: as impressions name it.
        ctr: the CTR baseline; None when it is unknown.
        alarm: what evidence against the baseline alarms; None without one.
        columns: what is expected of every feature, of the score and of `source`.
        reference: what it was made from, for people.
    """

    model_version: str
    ctr: CtrBaseline | None
    alarm: Alarm | None
    columns: Mapping[str, ColumnProfile]
    reference: str = ""
    schema: int = SCHEMA

    @property
    def bins(self) -> dict[str, Bins]:
        """Column to its bins: what an hour is sketched with."""
        return {name: column.bins for name, column in self.columns.items()}

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold; without the version, which is given when it is registered."""
        return {
            "schema": self.schema,
            "reference": self.reference,
            "ctr": self.ctr.to_json() if self.ctr else None,
            "alarm": self.alarm.to_json() if self.alarm else None,
            "columns": {name: _column_json(column) for name, column in self.columns.items()},
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any], *, model_version: str) -> ReferenceProfile:
        """Return the profile that `to_json` wrote.

        Raises:
            ProfileInvalid: another schema, or not a profile.
        """
        if body.get("schema") != SCHEMA:
            raise ProfileInvalid(
                f"reference profile has schema {body.get('schema')!r}, this version reads "
                f"{SCHEMA}; retrain the model to get a new one"
            )
        try:
            return cls(
                model_version=model_version,
                ctr=CtrBaseline.from_json(body["ctr"]) if body["ctr"] else None,
                alarm=Alarm.from_json(body["alarm"]) if body["alarm"] else None,
                columns={name: _column(column) for name, column in body["columns"].items()},
                reference=str(body["reference"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ProfileInvalid(f"not a reference profile: {error!r}; retrain the model") from None

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits that name this profile of this version."""
        text = json.dumps([self.model_version, self.to_json()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_model(version: str) -> ReferenceProfile:
    """Return the profile of a version nothing is known about: it has no bins and no baseline."""
    return ReferenceProfile(model_version=version, ctr=None, alarm=None, columns={})


def make_profile(
    sketches: Mapping[datetime, HourSketch],
    bins: Mapping[str, Bins],
    *,
    importance: Mapping[str, float],
    drops: Sequence[float] = GRID,
    false_alarms_per_year: float = ctr_alarms_per_year(1.0),
    seed: int = 7,
    model_version: str = "",
    reference: str = "",
) -> ReferenceProfile:
    """Return the profile of a reference window.

    Parameters:
        sketches: hour to its sketch in these bins.
        bins: column to its bins.
        importance: column to its share of the model's gain, 0 to 1; absent is 0.
        drops: relative CTR drops to look for, increasing.
        false_alarms_per_year: of the CTR sensor.
        seed: of the simulation that finds its alarm level.
        reference: what the window was, for people.
    """
    hours = sorted(sketches)
    ordered = [sketches[hour] for hour in hours]
    total = merge(ordered)
    baseline = fit_baseline(
        hours,
        [s.clicks for s in ordered],
        [s.labelled for s in ordered],
        view_squares=total.view_squares,
    )
    return ReferenceProfile(
        model_version=model_version,
        ctr=baseline,
        alarm=calibrate(
            baseline, drops=drops, false_alarms_per_year=false_alarms_per_year, seed=seed
        )
        if baseline
        else None,
        columns={
            name: _profile_column(name, bins[name], hours, ordered, importance.get(name, 0.0))
            for name in bins
        },
        reference=reference,
    )


def _profile_column(
    name: str,
    bins: Bins,
    hours: list[datetime],
    sketches: list[HourSketch],
    importance: float,
) -> ColumnProfile:
    nothing = (0,) * bins.size
    counts = np.asarray([s.bins.get(name) or nothing for s in sketches], dtype=np.int64)
    counts = counts.reshape(len(hours), bins.size)
    _, day = np.unique([hour.toordinal() for hour in hours], return_inverse=True)
    days = np.zeros((int(day.max()) + 1 if day.size else 0, bins.size), dtype=np.int64)
    np.add.at(days, day, counts)
    return ColumnProfile(
        bins=bins,
        counts=tuple(counts.sum(axis=0).tolist()),
        importance=float(importance),
        day=fit_spread(days),
        hour=fit_spread(counts),
    )


def _column_json(column: ColumnProfile) -> dict[str, Any]:
    return {
        "bins": column.bins.to_json(),
        "counts": list(column.counts),
        "importance": column.importance,
        "day": asdict(column.day),
        "hour": asdict(column.hour),
    }


def _column(body: Mapping[str, Any]) -> ColumnProfile:
    column = ColumnProfile(
        bins=bins_from_json(body["bins"]),
        counts=tuple(int(count) for count in body["counts"]),
        importance=float(body["importance"]),
        day=Spread(**body["day"]),
        hour=Spread(**body["hour"]),
    )
    if len(column.counts) != column.bins.size:
        raise ValueError(f"{len(column.counts)} counts for {column.bins.size} bins")
    return column
