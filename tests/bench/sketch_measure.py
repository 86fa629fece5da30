"""One process that sketches the hour: `cpu` against the bare scan, or `once` for its memory."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from sketch_data import CATEGORICAL, FEATURES, HOUR, NUMERIC, OTHER, TEXT, VERSION, file_of

from evergreen.adapters.engine_polars import PolarsEngine
from evergreen.adapters.lake import Lake
from evergreen.domain.bins import Bins, LevelBins, bins_from_json
from evergreen.domain.windows import Window

WINDOW = Window.of_hour(HOUR)
SOURCE = LevelBins(groups=(("model",), ("fallback",)))


def profile_bins(lake: Path, stored: Path) -> dict[str, Bins]:
    """Return the bins of the stored profile, learned from the reference hour the first time."""
    if not stored.exists():
        numeric, categorical = [n for n in NUMERIC if n in FEATURES or n == "score"], CATEGORICAL
        learned = PolarsEngine(Lake(str(lake))).make_bins(
            WINDOW, numeric=numeric, categorical=categorical, version=VERSION
        )
        body = {name: bins.to_json() for name, bins in {**learned, "source": SOURCE}.items()}
        stored.write_text(json.dumps(body))
    return {name: bins_from_json(b) for name, b in json.loads(stored.read_text()).items()}


def sketch(lake: Path, bins: dict[str, Bins]) -> None:
    """Sketch the hour."""
    found = PolarsEngine(Lake(str(lake))).sketches(WINDOW, bins, version=VERSION)[HOUR]
    if found.problems or not found.impressions:
        raise SystemExit(f"the hour was not counted: {found.problems}")


def bare_scan(lake: Path) -> None:
    """Decode the same columns by the same engine: the cheapest aggregate that needs each value."""
    import polars as pl

    pl.scan_parquet(file_of(lake)).select(
        pl.col(NUMERIC).sum(), pl.col(TEXT).str.len_bytes().sum(), pl.col(OTHER).sum()
    ).collect(engine="streaming")


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return CPU and wall seconds, all threads of this process together."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def against_the_scan(lake: Path, bins: dict[str, Bins], repeats: int) -> dict[str, Any]:
    """Return times of both, taken in turns."""
    scans, ours = [], []
    for _ in range(repeats + 1):
        scans.append(timed(lambda: bare_scan(lake)))
        ours.append(timed(lambda: sketch(lake, bins)))
    pairs = [(o[0], s[0]) for o, s in zip(ours, scans, strict=True)][1:]  # the first one warms up
    return {
        "seconds": round(median(wall for _, wall in ours[1:]), 4),
        "cpu_s": round(median(cpu for cpu, _ in pairs), 4),
        "scan_cpu_s": round(median(scan for _, scan in pairs), 4),
        "cpu_x_polars_scan": round(median(cpu / scan for cpu, scan in pairs), 3),
        "cpu_x_polars_scan_min": round(min(c for c, _ in pairs) / min(s for _, s in pairs), 3),
        "repeats": repeats,
    }


def peak_mb() -> float:
    """Return the largest resident size; ru_maxrss would hold the parent program's at the fork."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Print one JSON line: `sketch_measure.py cpu|once LAKE BINS [REPEATS]`."""
    mode, lake, stored = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    bins = profile_bins(lake, stored)
    if mode == "cpu":
        found = against_the_scan(lake, bins, int(sys.argv[4]))
    elif mode == "once":
        sketch(lake, bins)
        peak = peak_mb()
        found = {"peak_mb": round(peak, 1)}
    else:  # learn
        found = {}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
