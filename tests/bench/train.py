"""`make bench-train`: memory and time of the step `train`, rows on disk and rows in memory.

Every figure is from a process of its own; peak memory is its VmHWM, Python and imports included.
Numbers go to `bench/report.json` under `train`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from evergreen.config.settings import PROJECT

MEASURE = Path(__file__).parent / "train_measure.py"
REPORT = PROJECT / "bench" / "report.json"
NOTE = (
    "30 features of random normals, a twentieth more rows for validation. external, memory: the "
    "whole step (copy, scan, read, bin, boost, store) with the rows' pages on disk or in memory; "
    "seconds are of the step, peak_mb of the process. ratio: the step's boosting against bare "
    "xgboost.train with the same parameters on the same matrix, in turns, median of 5."
)


def measured(what: str, folder: Path, number: int) -> dict[str, Any]:
    """Return the figures of one process."""
    command = [sys.executable, str(MEASURE), what, str(folder), str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(what, "  ".join(f"{name} {value}" for name, value in found.items()), flush=True)
    return found


def measure(rows: int, home: Path, kinds: list[str], rounds: int) -> dict[str, Any]:
    """Return the figures of one size."""
    folder = home / f"rows={rows}"
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{rows:,} rows", flush=True)
    try:
        measured("make", folder, rows)
        return {kind: measured(kind, folder, rounds) for kind in kinds}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(figures: dict[str, dict[str, Any]]) -> str:
    """Return the figures for people, a row a measurement."""
    names = ("seconds", "peak_mb", "rounds", "ours_s", "bare_s", "x_bare", "x_bare_cpu")
    lines = [f"{'':26}" + "".join(f"{name:>12}" for name in names)]
    for size, kinds in figures.items():
        for kind, found in kinds.items():
            values = "".join(f"{found.get(name, '-'):>12}" for name in names)
            lines.append(f"{size + ' ' + kind:26}{values}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table and merge the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000, help="in external memory")
    parser.add_argument("--memory-rows", type=int, default=1_000_000, help="in memory")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the rows")
    parser.add_argument("--home", type=Path, default=PROJECT / ".evergreen" / "bench-train")
    parser.add_argument("--report", type=Path, default=REPORT)
    options = parser.parse_args()
    part = 100 if options.quick else 1
    kinds = {options.memory_rows // part: ["external", "memory", "ratio"]}
    kinds.setdefault(options.rows // part, ["external"])
    figures = {
        f"rows_{rows}": measure(rows, options.home, wanted, options.rounds)
        for rows, wanted in kinds.items()
    }
    print(table(figures), NOTE, sep="\n\n")
    before = json.loads(options.report.read_text()) if options.report.exists() else {}
    train = {**before.get("train", {}), **figures, "note": NOTE}
    options.report.parent.mkdir(exist_ok=True)
    options.report.write_text(json.dumps({**before, "train": train}, indent=1) + "\n")


if __name__ == "__main__":
    main()
