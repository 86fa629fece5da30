"""Measure an hour: sketches of it and of every hour of its trailing window that lacks one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from evergreen.adapters.engine import engine_of
from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.profile import ReferenceProfile, without_model
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import HOUR, Window, hour_key

HOUR_COUNTS = "hour_counts"  # the measurement that holds what `measure_hour` returned


def trailing_window(spec: ModelSpec, hour: datetime) -> Window:
    """Return the mature hours that are judged at this one: those whose labels are complete."""
    return Window.last(spec.monitor.window, until=spec.lake.mature_end(hour))


def profile_at(
    spec: ModelSpec, hour: datetime, *, lake: Lake, ledger: Ledger, replay: bool
) -> ReferenceProfile:
    """Return the profile an hour is judged by.

    Live, it is the champion's. In a replay it is the one of the version that served the trailing
    window's newest impressions, since the champion of that time may not be today's.
    """
    champion = ledger.champion(spec.model)
    version = str(champion.version) if champion else "none"
    if replay:
        version = engine_of(spec, lake).serving_version(trailing_window(spec, hour)) or version
    return profile_of(spec.model, version, ledger)


def profile_of(model: str, version: str, ledger: Ledger) -> ReferenceProfile:
    """Return the profile that a version was released with; one without bins where it has none."""
    for release in reversed(ledger.releases(model)):
        if str(release.version) == version and "profile" in release.evidence:
            return ReferenceProfile.from_json(release.evidence["profile"], model_version=version)
    return without_model(version)


def measure_hour(
    spec: ModelSpec, hour: datetime, *, lake: Lake, ledger: Ledger, replay: bool
) -> dict[str, Any]:
    """Write the sketches that judging this hour needs, and return the hour's own counts.

    An hour that was landed again since it was sketched is sketched again, and so is one that no run
    ever reached: after an outage the next run catches up.

    Raises:
        HourNotClosed: the hour itself is not closed.
    """
    lake.require_closed("impressions", hour)
    profile = profile_at(spec, hour, lake=lake, ledger=ledger, replay=replay)
    window = Window(trailing_window(spec, hour).start, hour + HOUR)
    stale = _stale_hours(spec, window, profile, lake=lake, ledger=ledger)
    for part in _runs_of_hours(stale):
        found = engine_of(spec, lake).sketches(part, profile)
        for moment, sketch in found.items():
            ledger.put_sketch(
                spec.model,
                moment,
                profile=profile.digest,
                generation=stale.get(moment, 0),
                sketch=sketch.to_json(),
            )
    own = ledger.sketches(spec.model, Window.of_hour(hour), profile=profile.digest)
    sketch = HourSketch.from_json(own[0].sketch)
    counts = {
        "hour": hour_key(hour),
        "model_version": profile.model_version,
        "profile": profile.digest,
        "hours_sketched": len(stale),
        "impressions": sketch.impressions,
        "clicks": sketch.clicks,
        "fallback": sketch.fallback,
        "other_versions": sketch.other_versions,
    }
    ledger.put_measurement(
        spec.model, hour, HOUR_COUNTS, verdict="counted", body=counts, replay=replay
    )
    return counts


def _stale_hours(
    spec: ModelSpec, window: Window, profile: ReferenceProfile, *, lake: Lake, ledger: Ledger
) -> dict[datetime, int]:
    """Return the closed hours without a sketch of their newest generation, with that generation."""
    known = {
        row.hour: row.generation
        for row in ledger.sketches(spec.model, window, profile=profile.digest)
    }
    generations = {}
    for hour in lake.closed_hours("impressions", window):
        closing = lake.closing("impressions", hour)
        if closing is not None and known.get(hour) != closing.generation:
            generations[hour] = closing.generation
    return generations


def _runs_of_hours(hours: Iterable[datetime]) -> list[Window]:
    """Return the fewest windows that hold exactly these hours and what lies unclosed between."""
    windows: list[Window] = []
    for hour in sorted(hours):
        if windows and windows[-1].end == hour:
            windows[-1] = Window(windows[-1].start, hour + HOUR)
        else:
            windows.append(Window.of_hour(hour))
    return windows
