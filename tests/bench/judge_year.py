"""How long a year of hourly judgements takes from stored sketches: 30 features, both sensors.

The sketches are read from a real ledger (SQLite) once, and every hour is judged: the CTR with its
28 days of evidence, 30 columns in both views, and the model. Goes to `bench/report.json` as
`judge_year_s`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ours import Ours, sketches_of
from streams import Traffic, World

from evergreen.adapters.ledger import Ledger
from evergreen.config.settings import PROJECT
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.series import judge_ctr_hours, judge_drift_hours

HOURS_A_YEAR = 8_760
REPORT = PROJECT / "bench" / "report.json"


def main() -> None:
    """Store a simulated year, judge it, and write the report."""
    world = World(Traffic(), seed=1)
    year = world.stream(HOURS_A_YEAR, seed=0)
    ours = Ours(world.reference, false_alarms_per_year=1.0, seed=1)
    window = Window(year.start, year.start + HOURS_A_YEAR * HOUR)
    profile = replace(ours.profile, model_version="1")
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        ledger.migrate()
        for hour, sketch in sketches_of(year).items():
            ledger.put_sketch(
                "simulated", hour, profile=profile.digest, generation=1, sketch=sketch.to_json()
            )
        began = time.perf_counter()
        rows = ledger.sketches("simulated", window, profile=profile.digest)
        sketches = {row.hour: HourSketch.from_json(row.sketch) for row in rows}
        read = time.perf_counter()
        drift = judge_drift_hours(ours.spec, window, profile, sketches)
        drifted = time.perf_counter()
        ctr = list(judge_ctr_hours(ours.spec, window, profile, sketches, since=year.start))
        done = time.perf_counter()
    print(f"{len(rows):,} hours, {len(profile.columns)} columns: {done - began:.1f} s")
    print(
        f"  reading {read - began:.1f} s, drift {drifted - read:.1f} s, CTR {done - drifted:.1f} s"
    )
    print(f"  drift {dict(Counter(drift.verdicts))}, CTR {dict(Counter(c.verdict for c in ctr))}")
    before = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(
        json.dumps({**before, "judge_year_s": round(done - began, 2)}, indent=1) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
