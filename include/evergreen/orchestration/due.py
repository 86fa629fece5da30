"""Whether a champion is old enough to be retrained whatever the sensors say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from evergreen.config.durations import format_duration
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.windows import HOUR, hour_key
from evergreen.orchestration.run_context import DAY

if TYPE_CHECKING:
    from evergreen.adapters.lake import Lake
    from evergreen.adapters.ledger import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class ChampionAge:
    """How old a champion's data are, against `max_model_age`; no champion has no age and is due."""

    age: timedelta | None
    due: bool
    text: str


def age_of_champion(spec: ModelSpec, champion: Release | None, lake: Lake) -> ChampionAge:
    """Return the champion's age on the lake's clock.

    The age runs from the newest data that the champion learnt from to the newest closed hour, so a
    lake that has stopped, or that replays an old year, does not make a champion older.
    """
    if champion is None:
        return ChampionAge(age=None, due=True, text=f"{spec.model} has no champion")
    newest = lake.newest_closed_hour("impressions")
    now = newest + HOUR if newest else champion.as_of
    age, limit = now - champion.as_of, spec.monitor.trigger.max_model_age
    text = (
        f"champion version {champion.version} of {spec.model} is {age / DAY:.1f} days old "
        f"at {hour_key(now)} (max_model_age {format_duration(limit)})"
    )
    return ChampionAge(age=age, due=age >= limit, text=text)
