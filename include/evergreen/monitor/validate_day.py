"""Validate a closed day: its facts, what Great Expectations says of them, and what follows.

An hour that fails is in quarantine before its measurement is written: one that is killed halfway
leaves hours without a measurement, and those are validated again before anything learns from them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evergreen.adapters.data_docs import DataDocs, night_run
from evergreen.adapters.facts import DayFacts, day_facts
from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.adapters.quality import validate
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.quality import TABLE_OF, Finding
from evergreen.domain.windows import Window, hour_key
from evergreen.monitor.day_report import DayReport, TableHour, report_of
from evergreen.monitor.failed_hours import HourFacts, failed_hours, hours_of
from evergreen.monitor.failing_samples import FailingSamples

if TYPE_CHECKING:
    from evergreen.adapters.facts import Known

DAY = timedelta(days=1)
REFERENCE = timedelta(days=35)  # what facts look back to: 28 days, the day a week before
SENSOR = "validation"
TABLES = ("impressions", "orders")
TEXTS_KEPT = 10


def sensor_of(table: str) -> str:
    """Return the measurement of an hour of this table: `validation_orders`."""
    return f"{SENSOR}_{table}"


def validate_day(
    spec: ModelSpec,
    day: datetime,
    *,
    lake: Lake,
    ledger: Ledger,
    known: Known,
    docs: DataDocs,
    samples: FailingSamples,
    replay: bool,
) -> DayReport:
    """Validate a day, put hours that fail into quarantine, release those that pass, record it.

    Facts are compared with earlier hours that are not in quarantine. Run again over the same
    events, it writes the same again.

    Args:
        day: Its start, in UTC.
        lake: As it is: hours in quarantine are validated too.
        known: What the facts are compared with.

    Raises:
        EvergreenError: lake, ledger or Data Docs cannot be reached; nothing is released then.
    """
    window, run = Window(day, day + DAY), night_run(day)
    facts = day_facts(_trusted(lake, spec.model, day, ledger), spec, window, known)
    with tempfile.TemporaryDirectory(prefix="evergreen-docs-") as folder:
        findings = validate(
            frames_of(facts),
            spec.model,
            name=run,
            at=day,
            docs=Path(folder),
            profile=known.profile,
        )
        docs.put(Path(folder), run)
    hours = {table: hours_of(frame) for table, frame in tables_of(facts).items()}
    failed = failed_hours(findings, hours)
    sampled = samples.keep(lake, window, findings, failed, known)
    kept = _quarantine(spec.model, failed, hours, sampled, ledger)
    released = _release(spec.model, window, failed, hours, ledger)
    _measure_hours(spec.model, findings, failed, hours, ledger, replay=replay)
    report = report_of(
        day,
        run,
        findings,
        hours={table: sum(hour.closed for hour in of.values()) for table, of in hours.items()},
        rows={table: sum(hour.rows for hour in of.values()) for table, of in hours.items()},
        quarantined=kept,
        released=released,
    )
    ledger.put_measurement(
        spec.model, day, SENSOR, verdict=report.verdict, body=report.body(), replay=replay
    )
    return report


def frames_of(facts: DayFacts) -> dict[str, pl.DataFrame]:
    """Return the frames of facts by the names of their suites."""
    frames = {"impressions": facts.impressions, "features": facts.features, "rows": facts.rows}
    return frames if facts.orders is None else {**frames, "orders": facts.orders}


def tables_of(facts: DayFacts) -> dict[str, pl.DataFrame]:
    """Return the facts of each table of the lake."""
    frames = {"impressions": facts.impressions, "orders": facts.orders}
    return {table: frame for table, frame in frames.items() if frame is not None}


def _trusted(lake: Lake, model: str, day: datetime, ledger: Ledger) -> Lake:
    """Return the lake in which earlier hours that are in quarantine are not there."""
    before = Window(day - REFERENCE, day)
    return lake.without(
        {t: ledger.quarantined(model, t, before) for t in ("impressions", "orders")}
    )


def _quarantine(
    model: str,
    failed: Mapping[TableHour, Sequence[str]],
    hours: Mapping[str, Mapping[datetime, HourFacts]],
    sampled: Mapping[TableHour, str],
    ledger: Ledger,
) -> list[TableHour]:
    """Put hours into quarantine; return them without those that a person has released."""
    return [
        (table, hour)
        for (table, hour), reasons in failed.items()
        if ledger.quarantine(
            model,
            table,
            hour,
            generation=hours[table][hour].generation,
            reasons=list(reasons),
            sample=sampled.get((table, hour)),
        )
    ]


def _release(
    model: str,
    window: Window,
    failed: Collection[TableHour],
    hours: Mapping[str, Mapping[datetime, HourFacts]],
    ledger: Ledger,
) -> list[TableHour]:
    """Release the hours of the window that pass now."""
    released = []
    for table, of in hours.items():
        for hour in sorted(ledger.quarantined(model, table, window)):
            if (table, hour) in failed or hour not in of or not of[hour].closed:
                continue
            generation = of[hour].generation
            left = ledger.release_hour(
                *(model, table, hour),
                by="validation",
                reason=f"passed validation (generation {generation})",
                generation=generation,
            )
            if left:
                released.append((table, hour))
    return released


def _measure_hours(
    model: str,
    findings: Sequence[Finding],
    failed: Mapping[TableHour, Sequence[str]],
    hours: Mapping[str, Mapping[datetime, HourFacts]],
    ledger: Ledger,
    *,
    replay: bool,
) -> None:
    for table, of in hours.items():
        said: dict[datetime, tuple[str, dict[str, Any]]] = {}
        for hour, facts in of.items():
            texts = _texts(findings, table, hour, failed)
            verdict = "failed" if (table, hour) in failed else "passed"
            said[hour] = (verdict, {"generation": facts.generation, "findings": texts})
        ledger.put_measurements(model, sensor_of(table), said, replay=replay)


def _texts(
    findings: Sequence[Finding],
    table: str,
    hour: datetime,
    failed: Mapping[TableHour, Sequence[str]],
) -> list[str]:
    """Return why the hour failed, then what else was found in it."""
    own = [f.text for f in findings if TABLE_OF.get(f.suite) == table and f.scope == hour_key(hour)]
    return list(dict.fromkeys([*failed.get((table, hour), ()), *own]))[:TEXTS_KEPT]
