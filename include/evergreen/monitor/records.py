"""What the sensors read from the ledger and write to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ProfileInvalid, WindowEmpty
from evergreen.domain.profile import ReferenceProfile, without_model
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import Window, hour_key
from evergreen.monitor.left_out import is_left_out, quarantine_in
from evergreen.monitor.measure import HOUR_COUNTS, profile_of

SENSORS = ("ctr", "drift")
DIGITS = 6  # of numbers in a measurement: more than anyone reads, less than a double


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What an hour was sketched with.

    Parameters:
        since: end of the version's training window; None where it was never released.
        problem: why the version's profile cannot be used; None when it can.
    """

    profile: ReferenceProfile
    digest: str
    since: datetime | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the hours of a window held.

    Parameters:
        sketches: of each hour that counts, in the measured profile's bins, oldest first.
        left_out: hours in quarantine, sketched or not.
    """

    sketches: dict[datetime, HourSketch]
    left_out: frozenset[datetime]


def measured_hour(spec: ModelSpec, hour: datetime, ledger: Ledger) -> Measured:
    """Return what `measure_hour` used for this hour.

    Raises:
        WindowEmpty: it has not been measured.
        ProfileInvalid: the version has got another profile since.
    """
    found = ledger.measurements(spec.model, Window.of_hour(hour), HOUR_COUNTS)
    if not found:
        raise WindowEmpty(
            f"hour {hour_key(hour)} of {spec.model} has not been measured; run sketch_hour first"
        )
    return measured_of(spec, found[0].body, ledger)


def measured_of(spec: ModelSpec, counts: dict[str, Any], ledger: Ledger) -> Measured:
    """Return what an hour's counts were made with.

    Parameters:
        counts: of `count_hour`.

    Raises:
        ProfileInvalid: the version has got another profile since.
    """
    version, problem = counts["model_version"], counts.get("profile_problem")
    profile = without_model(version) if problem else profile_of(spec.model, version, ledger)
    if profile.digest != counts["profile"]:
        raise ProfileInvalid(
            f"{spec.model} version {version} has another profile than when hour "
            f"{counts['hour']} was sketched; clear sketch_hour and run it again"
        )
    since = datetime.fromisoformat(counts["since"]) if counts.get("since") else None
    return Measured(profile=profile, digest=counts["profile"], since=since, problem=problem)


def sketches_of(spec: ModelSpec, window: Window, measured: Measured, ledger: Ledger) -> Counted:
    """Return the sketches of a window's hours without those in quarantine, as it is now.

    A sketch of a generation that was landed after the judged one counts.
    """
    judged = quarantine_in(spec.model, window, ledger)
    kept = {
        row.hour: HourSketch.from_json(row.sketch)
        for row in ledger.sketches(spec.model, window, profile=measured.digest)
        if not is_left_out(judged, row.hour, row.generation)
    }
    return Counted(sketches=kept, left_out=frozenset(judged.keys() - kept.keys()))


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
    verdict, kept = str(body["verdict"]), rounded(body)
    ledger.put_measurement(spec.model, hour, sensor, verdict=verdict, body=kept, replay=replay)
    return {"sensor": sensor, **kept}


def rounded(value: Any) -> Any:
    """Return a body without needless digits; what is not finite becomes null."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if isfinite(value) else None
    return value
