"""The hours of a frozen window against the model's suite of orders.

Great Expectations costs seconds to import and the trainer's image has none, so facts and suites are
imported when there is an hour to judge.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_closing import hour_of_path
from evergreen.domain.errors import WindowRefused
from evergreen.domain.quality import DAY_SCOPE, Finding, hours_to_quarantine
from evergreen.domain.windows import HOUR, Window, hour_key
from evergreen.trainer.left_out import TABLE, named

if TYPE_CHECKING:
    from evergreen.adapters.data_docs import DataDocs
    from evergreen.adapters.ledger import Ledger, Quarantined

NIGHT = f"validation_{TABLE}"
"""The measurement of what a night says of an hour."""
SENSOR = f"window_{TABLE}"
"""The measurement of what a window says of an hour. It has seen the hour alone: the night still
judges its day, and only the night lets an hour out of quarantine."""
PART = timedelta(days=28)
"""So much of a window is made facts of at once: bounds memory, whatever `train.window` is."""
MEMORY = timedelta(days=36)
"""How far before an hour its facts may look: 28 days and a week, in whole days."""
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenHours:
    """The hours that a manifest has files of.

    Parameters:
        generations: of each hour when the window was frozen, oldest hour first.
    """

    model: str
    run_key: str
    generations: Mapping[datetime, int]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> FrozenHours:
        """Return the hours of a frozen window's manifest."""
        found = {hour_of_path(file["path"]): int(file["generation"]) for file in manifest["files"]}
        return cls(
            model=manifest["model"],
            run_key=manifest["run_key"],
            generations=dict(sorted(found.items())),
        )

    @property
    def window(self) -> Window:
        """From the first hour to the last."""
        return Window(min(self.generations), max(self.generations) + HOUR)


def judge_new_hours(
    hours: FrozenHours, *, lake: Lake, ledger: Ledger, docs: DataDocs | None
) -> int:
    """Judge the hours that were not validated at their generation yet; return how many that were.

    Those with an error go into quarantine, and what was found is measured, so that the next window
    does not ask again.

    Raises:
        WindowRefused: an hour has been landed again since the window was frozen, or since its whole
            day was found damaged, which no look at the hour alone can acquit.
    """
    new = _not_judged(hours, ledger)
    if not new:
        return 0
    _require_days_judged(hours, new, ledger)
    facts = _facts(hours, new, lake, ledger)
    _require_same_generation(hours, facts)
    _record(hours, new, _findings(hours, facts, docs), ledger)
    return len(new)


def require_released(hours: FrozenHours, ledger: Ledger) -> None:
    """Refuse a window of which hours are in quarantine.

    Raises:
        WindowRefused: the text names hours and reasons, and says what to do.
    """
    bad = [
        record
        for record in ledger.quarantine_records(hours.model, hours.window)
        if record.table == TABLE and hours.generations.get(record.hour) == record.generation
    ]
    if bad:
        raise WindowRefused(_refusal(hours.model, bad))


def _not_judged(hours: FrozenHours, ledger: Ledger) -> list[datetime]:
    known = {
        (m.hour, m.body.get("generation"))
        for sensor in (NIGHT, SENSOR)
        for m in ledger.measurements(hours.model, hours.window, sensor)
    }
    return [hour for hour in hours.generations if (hour, hours.generations[hour]) not in known]


def _require_days_judged(hours: FrozenHours, new: Collection[datetime], ledger: Ledger) -> None:
    of_a_day = f"{TABLE} {DAY_SCOPE}:"
    open_days = tuple(
        record.hour
        for record in ledger.quarantine_records(hours.model, hours.window)
        if record.table == TABLE
        and record.hour in new
        and any(reason.startswith(of_a_day) for reason in record.reasons)
    )
    if open_days:
        raise WindowRefused(
            f"{len(open_days)} hours of {TABLE} were landed again after their whole day was found "
            f"damaged: {named(open_days)}; the next night judges the day, or do it now: `evergreen "
            f"validate day --model {hours.model} --day {open_days[0]:%Y-%m-%d}`. Then start the "
            "retraining again"
        )


def _facts(
    hours: FrozenHours, new: Collection[datetime], lake: Lake, ledger: Ledger
) -> pl.DataFrame:
    """Return one row a new hour; what is in quarantine is nothing to compare it with."""
    from evergreen.adapters.facts import order_facts

    before = Window(hours.window.start - MEMORY, hours.window.end)
    seen = lake.without({TABLE: ledger.quarantined(hours.model, TABLE, before) - {*new}})
    keys = [hour_key(hour) for hour in new]
    frames = [order_facts(seen, part) for part in _parts(new)]
    return pl.concat(frames, how="diagonal_relaxed").filter(pl.col("scope").is_in(keys))


def _parts(hours: Collection[datetime]) -> Iterator[Window]:
    """Yield the windows of at most `PART` that hold these hours, from day to day."""
    start = min(hours).replace(hour=0)
    end = max(hours) + HOUR
    while start < end:
        stop = min(start + PART, end)
        if any(start <= hour < stop for hour in hours):
            yield Window(start, stop)
        start = stop


def _require_same_generation(hours: FrozenHours, facts: pl.DataFrame) -> None:
    found = dict(facts.select("scope", "generation").iter_rows())
    other = tuple(
        hour
        for hour, generation in hours.generations.items()
        if hour_key(hour) in found and found[hour_key(hour)] != generation
    )
    if other:
        raise WindowRefused(
            f"{len(other)} hours of {TABLE} were landed again since the window was frozen: "
            f"{named(other)}; start the retraining again, it takes them as they are now"
        )


def _findings(hours: FrozenHours, facts: pl.DataFrame, docs: DataDocs | None) -> list[Finding]:
    from evergreen.adapters.data_docs import window_run
    from evergreen.adapters.quality import validate

    run = window_run(hours.run_key)
    with tempfile.TemporaryDirectory(prefix="evergreen-docs-") as folder:
        found = validate(
            {TABLE: facts}, hours.model, name=run, at=hours.window.end, docs=Path(folder)
        )
        if docs is not None:
            docs.put(Path(folder), run)
    return found


def _record(
    hours: FrozenHours, new: list[datetime], findings: list[Finding], ledger: Ledger
) -> None:
    """Quarantine first, measure last: a task that was killed between the two judges again."""
    alone = {TABLE: new}
    bad = hours_to_quarantine(findings, hours=alone, judged_alone=alone)
    said: dict[datetime, tuple[str, dict[str, Any]]] = {}
    for hour in new:
        generation, reasons = hours.generations[hour], bad.get((TABLE, hour))
        if reasons:
            ledger.quarantine(hours.model, TABLE, hour, generation=generation, reasons=reasons)
        texts = [finding.text for finding in findings if finding.scope == hour_key(hour)]
        verdict = "failed" if reasons else "passed"
        said[hour] = (verdict, {"generation": generation, "findings": texts})
    ledger.put_measurements(hours.model, SENSOR, said, replay=False)


def _refusal(model: str, bad: list[Quarantined]) -> str:
    reasons = "; ".join(r.reasons[0] if r.reasons else hour_key(r.hour) for r in bad[:SHOWN])
    return (
        f"{len(bad)} hours of {TABLE} in the training window are in quarantine: "
        f"{named(tuple(r.hour for r in bad))} ({reasons}{'; …' if len(bad) > SHOWN else ''}). "
        f"Start the retraining again: it leaves them out. Or land them again, or see `evergreen "
        f"quarantine show --model {model} --hour {hour_key(bad[0].hour)}`"
    )
