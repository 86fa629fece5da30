"""A question to a sensor: what it would say of an hour, without a trace in the record.

Nothing is measured or decided by asking; only sketches that were missing are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.monitor.ctr import ctr_of
from evergreen.monitor.drift import drift_of
from evergreen.monitor.measure import count_hour
from evergreen.monitor.records import measured_of, rounded

Sensor = Literal["ctr", "drift"]
JUDGES: dict[Sensor, Callable[..., dict[str, Any]]] = {"ctr": ctr_of, "drift": drift_of}


def ask(
    spec: ModelSpec, hour: datetime, sensor: Sensor, *, lake: Lake, ledger: Ledger
) -> dict[str, Any]:
    """Return what a sensor would say of an hour in a replay, with the version it judged.

    Raises:
        HourNotClosed: the hour is not closed.
    """
    counts = count_hour(spec, hour, lake=lake, ledger=ledger, replay=True)
    body = JUDGES[sensor](spec, hour, measured_of(spec, counts, ledger), ledger=ledger)
    return {
        "sensor": sensor,
        "model": spec.model,
        "hour": counts["hour"],
        "model_version": counts["model_version"],
        **rounded(body),
    }
