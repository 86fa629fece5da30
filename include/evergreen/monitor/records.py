"""What the sensors read from the ledger and write to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ProfileInvalid, WindowEmpty
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import Window, hour_key
from evergreen.monitor.measure import HOUR_COUNTS, profile_of, trailing_window

SENSORS = ("ctr", "drift")


def measured_counts(spec: ModelSpec, hour: datetime, ledger: Ledger) -> dict[str, Any]:
    """Return what `measure_hour` said of this hour.

    Raises:
        WindowEmpty: it has not been measured.
    """
    found = ledger.measurements(spec.model, Window.of_hour(hour), HOUR_COUNTS)
    if not found:
        raise WindowEmpty(
            f"hour {hour_key(hour)} of {spec.model} has not been measured; run sketch_hour first"
        )
    return found[0].body


def window_sketches(
    spec: ModelSpec, hour: datetime, measured: dict[str, Any], ledger: Ledger
) -> list[HourSketch]:
    """Return the sketches of the mature hours that this hour is judged by."""
    rows = ledger.sketches(spec.model, trailing_window(spec, hour), profile=measured["profile"])
    return [HourSketch.from_json(row.sketch) for row in rows]


def measured_profile(spec: ModelSpec, measured: dict[str, Any], ledger: Ledger) -> ReferenceProfile:
    """Return the reference profile that the hour was sketched with."""
    profile = profile_of(spec.model, measured["model_version"], ledger)
    if profile.digest != measured["profile"]:
        raise ProfileInvalid(
            f"{spec.model} version {profile.model_version} has another profile than when hour "
            f"{measured['hour']} was sketched; clear sketch_hour and run it again"
        )
    return profile


def record(
    spec: ModelSpec,
    hour: datetime,
    sensor: str,
    body: dict[str, Any],
    *,
    ledger: Ledger,
    replay: bool,
) -> dict[str, Any]:
    """Write one sensor's measurement of an hour, over an earlier one, and return it."""
    verdict = str(body["verdict"])
    ledger.put_measurement(spec.model, hour, sensor, verdict=verdict, body=body, replay=replay)
    return {"sensor": sensor, **body}
