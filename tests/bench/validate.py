"""`make bench-validate`: a night's validation, against plain Great Expectations on pandas frames.

Every figure is from a process of its own: seconds are its whole wall time, Python's start and the
imports included, and peak memory is its VmHWM. Numbers go to `bench/report.json` under `validate`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from sketch import run
from validate_data import DAY, FEATURES, lake_of
from validate_measure import SPEC, store_profile

from evergreen.config.settings import PROJECT

MEASURE = Path(__file__).parent / "validate_measure.py"
REPORT = PROJECT / "bench" / "report.json"
HOURS = 24
NOTE = (
    f"Page views of ten rows, {len(FEATURES)} float32 features and eleven columns of the contract; "
    "no orders. ours: facts of 24 hours against a stored profile, then the model's default suites "
    "by Great Expectations with Data Docs. plain: Great Expectations on a pandas frame of the same "
    "file, an hour at a time, answers without examples; numbers are cast to float64 and int64 "
    "first, because it compares others one by one in Python. It checks: column set, row count, "
    "nulls, times, positions, two compound keys, versions, sources, propensities, CTR, and of each "
    "feature its share of nulls and of values between the profile's edges. It says nothing of "
    "position gaps, earlier hours, users, leakage, infinities or constants. plain_hour_s is the "
    "mean of the hours measured, reading included; plain_24h_s is the rest of the process and 24 "
    "such hours, EXTRAPOLATED where fewer were measured."
)


def measure(rows: int, plain_hours: int, home: Path) -> dict[str, Any]:
    """Return every figure of one size."""
    lake = lake_of(home, rows, HOURS)
    stored = home / f"profile-{rows}.json"
    model = home / "models" / "bench" / "model.yaml"
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_text(json.dumps(SPEC))  # JSON is YAML
    os.environ["EVERGREEN_MODELS_DIR"] = str(model.parent.parent)
    if not stored.exists():
        store_profile(lake, stored)
    command = (sys.executable, MEASURE)
    ours, ours_s = run(*command, "ours", lake.url, stored)
    plain, plain_s = run(*command, "plain", lake.url, stored, str(plain_hours))
    day_s = plain_s - plain["hours_s"] + HOURS * plain["hours_s"] / plain_hours
    return {
        "ours_s": round(ours_s, 2),
        **{name: value for name, value in ours.items() if name != "peak_mb"},
        "ours_peak_mb": ours["peak_mb"],
        "plain_hours": plain_hours,
        "plain_process_s": round(plain_s, 2),
        "plain_hour_s": round(plain["hours_s"] / plain_hours, 2),
        "plain_expectations": plain["expectations"],
        "plain_peak_mb": plain["peak_mb"],
        "plain_24h_s": round(day_s, 1),
        "x_plain": round(day_s / ours_s, 1),
    }


def main() -> None:
    """Measure, print the figures and merge the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000], help="an hour's")
    parser.add_argument("--plain-hours", type=int, default=HOURS)
    parser.add_argument("--home", type=Path, default=PROJECT / ".evergreen" / "bench-validate")
    parser.add_argument("--report", type=Path, default=REPORT)
    options = parser.parse_args()
    figures = {
        f"rows_{rows}": measure(rows, options.plain_hours, options.home) for rows in options.rows
    }
    for size, found in figures.items():
        print(
            size, f"day {DAY}", *(f"  {name:22}{value}" for name, value in found.items()), sep="\n"
        )
    print(f"\n{NOTE}")
    before = json.loads(options.report.read_text()) if options.report.exists() else {}
    validate = {**before.get("validate", {}), **figures, "note": NOTE}
    options.report.parent.mkdir(exist_ok=True)
    options.report.write_text(json.dumps({**before, "validate": validate}, indent=1) + "\n")


if __name__ == "__main__":
    main()
