"""`make bench`: time and memory of an hour's sketch, against the bare scan, Evidently and NannyML.

Evidently and NannyML compare two files; we read one, and a profile that was stored when the model
was made. That is how each is used hourly, and the table says so. Numbers go to `bench/report.json`
under `sketch`.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sketch_data import CATEGORICAL, FEATURES, NUMERIC, file_of, hour_of, layout

from evergreen.config.settings import PROJECT

HERE = Path(__file__).parent
REPORT = PROJECT / "bench" / "report.json"
PEERS = {"evidently": "sketch_evidently.py", "nannyml": "sketch_nannyml.py"}
PEER_ROWS = 1_000_000
PEER_TIMEOUT_S = 300
NOTE = (
    "One hour's file: 20 numbers and 10 categories of 2 to 1,000 levels, 10 bins a number. "
    "Evidently and NannyML read two files of that many rows and compute the same 30 columns by "
    "their defaults; the sketch reads one file and a stored profile, and counts score, labels, "
    "positions and page views besides. x_evidently, x_nannyml: their seconds by ours, in process, "
    "reading included; *_process: whole processes, with Python's start and imports. "
    "cpu_x_polars_scan: median of ratios of CPU time taken in turns, the scan being Polars' "
    "streaming engine over the same columns (sum of a number, sum of lengths of a text)."
)


def run(*command: str | Path, timeout_s: float | None = None) -> tuple[dict[str, Any], float]:
    """Return the JSON of a process's last line, and its wall seconds from start to end."""
    began = time.perf_counter()
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=timeout_s
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{shlex.join(map(str, command))}\n{done.stderr[-2_000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1]), seconds


def measure(rows: int, home: Path, python: Path | None) -> dict[str, Any]:
    """Return every figure of one size."""
    lake = hour_of(home, rows, seed=1)
    bins, stored = lake / "bins.json", layout(file_of(lake))
    print("  ".join(f"{name} {value}" for name, value in stored.items()), flush=True)
    ours = (sys.executable, HERE / "sketch_measure.py")
    run(*ours, "learn", lake, bins)
    found, _ = run(*ours, "cpu", lake, bins, "5" if rows > PEER_ROWS else "9")
    once = [run(*ours, "once", lake, bins) for _ in range(3)]
    found["peak_mb"] = max(said["peak_mb"] for said, _ in once)
    found |= {"process_s": round(min(seconds for _, seconds in once), 2), "file": stored}
    if python is not None and rows <= PEER_ROWS:
        reference = hour_of(home, rows, seed=2)
        for name, script in PEERS.items():
            found |= against(name, python, HERE / "peers" / script, reference, lake, found)
    return found


def against(
    name: str, python: Path, script: Path, reference: Path, lake: Path, ours: dict[str, Any]
) -> dict[str, Any]:
    """Return a peer's figures, and how many times ours they are."""
    numeric = ",".join(name for name in NUMERIC if name in FEATURES)
    files = (file_of(reference), file_of(lake))
    try:
        theirs, process_s = run(
            python, script, *files, numeric, ",".join(CATEGORICAL), timeout_s=PEER_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        print(f"{name}: stopped after {PEER_TIMEOUT_S} s, not measured", flush=True)
        return {f"x_{name}": None, f"{name}_stopped_after_s": PEER_TIMEOUT_S}
    return {
        f"{name}_s": round(theirs["seconds"], 2),
        f"{name}_process_s": round(process_s, 2),
        f"{name}_peak_mb": theirs["peak_mb"],
        f"x_{name}": round(theirs["seconds"] / ours["seconds"], 1),
        f"x_{name}_process": round(process_s / ours["process_s"], 1),
    }


def table(figures: dict[str, dict[str, Any]]) -> str:
    """Return the figures for people, a row a size."""
    names = [
        *("seconds", "cpu_s", "scan_cpu_s", "cpu_x_polars_scan", "peak_mb", "process_s"),
        *("evidently_s", "x_evidently", "x_evidently_process", "evidently_peak_mb"),
        *("nannyml_s", "x_nannyml", "x_nannyml_process", "nannyml_peak_mb"),
    ]
    sizes = list(figures)
    lines = [f"{'':22}" + "".join(f"{size:>16}" for size in sizes)]
    for name in names:
        values = (figures[size].get(name) for size in sizes)
        lines.append(f"{name:22}" + "".join(f"{'-' if v is None else v:>16}" for v in values))
    return "\n".join(lines)


def main() -> None:
    """Measure every size, print the table and merge the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--no-peers", action="store_true", help="ours and the scan only")
    parser.add_argument("--peers-python", type=Path, default=PROJECT / ".venv-bench/bin/python")
    parser.add_argument("--home", type=Path, default=PROJECT / ".evergreen" / "bench")
    parser.add_argument("--report", type=Path, default=REPORT)
    options = parser.parse_args()
    python = None if options.no_peers else options.peers_python
    if python is not None and not python.exists():
        raise SystemExit(f"{python} is not there; make it with scripts/bench_env.sh, or --no-peers")
    figures = {f"rows_{rows}": measure(rows, options.home, python) for rows in options.rows}
    print(table(figures), NOTE, sep="\n\n")
    before = json.loads(options.report.read_text()) if options.report.exists() else {}
    report = {**before, "sketch": {**before.get("sketch", {}), **figures, "note": NOTE}}
    options.report.parent.mkdir(exist_ok=True)
    options.report.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
