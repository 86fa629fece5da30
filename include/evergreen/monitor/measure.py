"""Measure an hour: sketches of it and of every hour of its trailing window that lacks one."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from evergreen.adapters.engine import engine_of
from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger, Release
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ProfileInvalid
from evergreen.domain.profile import ReferenceProfile, without_model
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import HOUR, Window, floor_hour, hour_key
from evergreen.monitor.left_out import TABLE, counted_lake

log = logging.getLogger(__name__)

HOUR_COUNTS = "hour_counts"  # the measurement that holds what `measure_hour` returned


def trailing_window(spec: ModelSpec, hour: datetime) -> Window:
    """Return the mature hours that are judged at this one: those whose labels are complete."""
    return Window.last(spec.monitor.window, until=spec.lake.mature_end(hour))


def memory_window(spec: ModelSpec, hour: datetime, *, since: datetime | None) -> Window:
    """Return the mature hours whose evidence counts at this one.

    Parameters:
        since: the champion's `as_of`: no hour before it can hold its impressions.
    """
    end = spec.lake.mature_end(hour)
    start = end - max(spec.monitor.ctr.memory, spec.monitor.window)
    return Window(min(max(start, floor_hour(since)) if since else start, end), end)


def judged_version(
    spec: ModelSpec, hour: datetime, *, lake: Lake, ledger: Ledger, replay: bool
) -> str:
    """Return the model version that an hour is judged for.

    Live, it is the champion. In a replay, and of a model that is trained elsewhere, it is the one
    that served the trailing window's newest impressions: today's champion may not be that time's.
    Impressions in quarantine do not tell who served.
    """
    champion = ledger.champion(spec.model)
    version = str(champion.version) if champion else None
    if replay or version is None:
        window = trailing_window(spec, hour)
        seen = counted_lake(spec.model, window, lake=lake, ledger=ledger)
        served = engine_of(spec, seen).serving_version(window)
        version = served or version
    return version or "none"


def release_of(model: str, version: str, ledger: Ledger) -> Release | None:
    """Return the first release of a version; None for one that was never released."""
    return next((r for r in ledger.releases(model) if str(r.version) == version), None)


def profile_of(model: str, version: str, ledger: Ledger) -> ReferenceProfile:
    """Return the reference profile of a version; one without bins where it has none.

    A profile that was made by hand comes before the one that the version was released with.

    Raises:
        ProfileInvalid: it has another schema.
    """
    body = ledger.profile(model, version)
    if body is None:
        release = release_with_profile(model, version, ledger)
        body = release.evidence["profile"] if release else None
    return (
        ReferenceProfile.from_json(body, model_version=version) if body else without_model(version)
    )


def champion_profile(model: str, ledger: Ledger) -> ReferenceProfile | None:
    """Return the champion's profile; None without a champion, or where it cannot be read."""
    champion = ledger.champion(model)
    if champion is None:
        return None
    try:
        return profile_of(model, str(champion.version), ledger)
    except ProfileInvalid as error:
        log.warning("nothing is compared with the champion's profile: %s", error)
        return None


def release_with_profile(model: str, version: str, ledger: Ledger) -> Release | None:
    """Return the newest release of a version that brought a profile; a rollback brings none."""
    of = [r for r in ledger.releases(model) if str(r.version) == version]
    return next((r for r in reversed(of) if r.evidence.get("profile")), None)


def measure_hour(
    spec: ModelSpec, hour: datetime, *, lake: Lake, ledger: Ledger, replay: bool
) -> dict[str, Any]:
    """Count an hour, write its measurement, and return the hour's own counts.

    Raises:
        HourNotClosed: the hour itself is not closed.
    """
    counts = count_hour(spec, hour, lake=lake, ledger=ledger, replay=replay)
    ledger.put_measurement(
        spec.model, hour, HOUR_COUNTS, verdict="counted", body=counts, replay=replay
    )
    return counts


def count_hour(
    spec: ModelSpec, hour: datetime, *, lake: Lake, ledger: Ledger, replay: bool
) -> dict[str, Any]:
    """Write the sketches that judging this hour needs, and return the hour's own counts.

    An hour that was landed again since it was sketched is sketched again, and so is one that no run
    ever reached: after an outage the next run catches up. Sketches are facts: whoever counts an
    hour writes the same ones. Of earlier hours those in quarantine are not read: a file that
    nobody can read would fail every later hour. This hour is counted, in quarantine or not.

    Raises:
        HourNotClosed: the hour itself is not closed.
        FileCorrupt, ColumnMissing, ColumnTypeWrong, WindowInvalid: it, or an earlier hour that is
            not in quarantine, cannot be counted.
    """
    lake.require_closed(TABLE, hour)
    version = judged_version(spec, hour, lake=lake, ledger=ledger, replay=replay)
    profile, problem = _profile_or_problem(spec.model, version, ledger)
    release = release_of(spec.model, version, ledger)
    since = release.as_of if release else None
    window = Window(min(memory_window(spec, hour, since=since).start, hour), hour + HOUR)
    sketched = _sketch_stale_hours(spec, window, profile, lake=lake, ledger=ledger)
    own = ledger.sketches(spec.model, Window.of_hour(hour), profile=profile.digest)
    sketch = HourSketch.from_json(own[0].sketch)
    return {
        "hour": hour_key(hour),
        "model_version": profile.model_version,
        "profile": profile.digest,
        "profile_problem": problem,
        "since": since.isoformat() if since else None,
        "hours_sketched": sketched,
        "impressions": sketch.impressions,
        "clicks": sketch.clicks,
        "fallback": sketch.fallback,
        "other_versions": sketch.other_versions,
        "problems": dict(sketch.problems),
    }


def _sketch_stale_hours(
    spec: ModelSpec, window: Window, profile: ReferenceProfile, *, lake: Lake, ledger: Ledger
) -> int:
    """Sketch what has no sketch of its newest generation; return how many hours that were."""
    earlier = Window(window.start, window.end - HOUR)
    seen = counted_lake(spec.model, earlier, lake=lake, ledger=ledger)
    stale = _stale_hours(spec, window, profile, lake=seen, ledger=ledger)
    engine, version = engine_of(spec, seen), profile.model_version
    for part in _runs_of_hours(stale):
        for moment, sketch in engine.sketches(part, profile.bins, version=version).items():
            ledger.put_sketch(
                spec.model,
                moment,
                profile=profile.digest,
                generation=stale.get(moment, 0),
                sketch=sketch.to_json(),
            )
    return len(stale)


def _profile_or_problem(
    model: str, version: str, ledger: Ledger
) -> tuple[ReferenceProfile, str | None]:
    """Return the profile, or one without bins and why: the hour's counts are kept either way."""
    try:
        return profile_of(model, version, ledger), None
    except ProfileInvalid as error:
        return without_model(version), f"ProfileInvalid: {error}"


def _stale_hours(
    spec: ModelSpec, window: Window, profile: ReferenceProfile, *, lake: Lake, ledger: Ledger
) -> dict[datetime, int]:
    """Return the closed hours without a sketch of their newest generation, with that generation.

    An hour older than the trailing window that has a sketch is taken to be as it was: asking a
    month of hours for their generation, every hour, would cost more than judging them. Not so one
    that has ever been in quarantine: let out, it must not come back as the sketch of what was bad.
    """
    known = ledger.sketched(spec.model, window, profile=profile.digest)
    settled = window.end - HOUR - spec.monitor.window - spec.lake.attribution_window
    records = ledger.quarantine_records(spec.model, window, active=False)
    doubted = {record.hour for record in records if record.table == TABLE}
    generations = {}
    for hour in lake.listed_hours(TABLE, window):
        if hour in known and hour < settled and hour not in doubted:
            continue
        closing = lake.closing(TABLE, hour)
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
