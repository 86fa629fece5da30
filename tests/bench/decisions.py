"""`make bench-decisions`: false alarms a year and delay, for us and for what others use.

Years without a change at 200, 2,000 and 100,000 impressions an hour and with closed nights, each
year with a reference of its own; then paths with a change: drops of CTR at dispersion 3 and 1, a
feature gone, a feature shifted. Every method sees the same streams. Numbers go to
`bench/report.json` under `decisions`. The peers need `scripts/bench_env.sh`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import decisions_ours as ours
import decisions_peers as peers
from decisions_ctr_peers import Oracle, TunedCusum, fixed_cut, textbook_cusum
from decisions_paths import (
    DROPS,
    HEALTHY,
    PHIS,
    SHIFTS,
    Size,
    drop_batches,
    drop_key,
    healthy_batches,
    shift_batches,
)
from decisions_report import Results, to_json, write_report
from decisions_scores import HOURS_A_YEAR, Alarms, Batch, delay
from decisions_table import table
from streams import Traffic, World

from evergreen.config.settings import PROJECT

A_YEAR = 1.0
"""The rate that is promised, and that every method that can be tuned is tuned to."""
FULL = Size(years=10, paths=200, worlds=4, row_days=14, row_hours=24)
QUICK = Size(years=1, paths=40, worlds=1, row_days=0, row_hours=0)
MEAN_YEARS = 2
"""Years of features' hourly means for ADWIN."""
FEATURES_ADWIN = "river ADWIN, features"
Batches = dict[str, list[Batch]]


def in_process_methods() -> dict[str, Callable[[Batch], Alarms]]:
    """Return the CTR methods that run here, each learning a reference once."""
    tuned: dict[int, TunedCusum] = {}

    def tuned_cusum(batch: Batch) -> Alarms:
        key = id(batch.reference)
        if key not in tuned:
            tuned[key] = TunedCusum(batch.reference, a_year=A_YEAR)
        return tuned[key](batch)

    return {
        "fixed cut 15 %": fixed_cut,
        "CUSUM 25 %, textbook": lambda batch: textbook_cusum(batch, a_year=A_YEAR),
        "CUSUM 25 %, tuned": tuned_cusum,
    }


def add_answers(method: str, answers: dict[str, Alarms], batches: Batches, to: Results) -> None:
    """Add a method's alarms, keyed like the series that peers are given."""
    for key, group in batches.items():
        for i, batch in enumerate(group):
            if batch.at:
                to.add_drops(method, key, answers[f"{key}/{i}"], batch.at)
            else:
                to.add_healthy(method, key, answers[f"{key}/{i}"])


def run_in_process(batches: Batches, results: Results) -> None:
    """Run the methods of a few lines."""
    for method, alarms in in_process_methods().items():
        for key, group in batches.items():
            answers = {f"{key}/{i}": alarms(batch) for i, batch in enumerate(group)}
            add_answers(method, answers, {key: group}, results)


def run_oracle(drops: Batches, results: Results) -> None:
    """Run the CUSUM that is told everything, each drop for itself."""
    for phi in PHIS:
        oracle = Oracle(World(Traffic(phi=phi), seed=999))
        for drop in DROPS:
            key, level = drop_key(drop, phi), oracle.level(drop, a_year=A_YEAR)
            for batch in drops[key]:
                alarms = oracle.alarms(batch, drop, level)
                results.add_drops("CUSUM, told all", key, alarms, batch.at)


@contextmanager
def running_peers(folder: Path, size: Size, batches: Batches) -> Iterator[dict[str, peers.Running]]:
    """Start the peers, and end them should the benchmark fail."""
    years = min(MEAN_YEARS, size.years)
    means = {
        "2000": [World(HEALTHY["2000"], seed=s).stream(HOURS_A_YEAR, seed=0) for s in range(years)],
        **{name: shift_batches(name, size, worlds=1)[0].streams for name in SHIFTS},
    }
    series = folder / "series.npz"
    peers.write_series(series, batches, means)
    job = peers.write_rows(folder, days=size.row_days, judged_hours=size.row_hours)
    jobs = {"river": (series,), "nannyml": (job, series)}
    if size.row_days:
        jobs["evidently"] = (job,)
    started: dict[str, peers.Running] = {}
    try:
        for name, inputs in jobs.items():
            answer = folder / f"{name}.json"
            started[name] = peers.start(f"decisions_{name}.py", *inputs, answer=answer)
        yield started
    finally:
        for peer in started.values():
            peer.stop()


def collect(started: dict[str, peers.Running], size: Size, batches: Batches, to: Results) -> None:
    """Wait for the peers and add their answers."""
    river, nannyml = started["river"].result(), started["nannyml"].result()
    features = river.pop(FEATURES_ADWIN)
    to.add_healthy(FEATURES_ADWIN, "2000", features["2000/0"])
    for name in SHIFTS:
        at = shift_batches(name, size, worlds=1)[0].at
        to.add_delay(FEATURES_ADWIN, name, delay(features[f"{name}/0"], at, horizon=7 * 24))
    for method, answers in {**river, "NannyML, CTR ± 3 sd": nannyml["ctr"]}.items():
        add_answers(method, answers, batches, to)
    if "evidently" in started:
        evidently = started["evidently"].result()
        to.add_rows("Evidently", evidently, steps={"24 h": 1, "1 h": 1})
        to.add_rows("NannyML", nannyml["drift"], steps={"24 h": 24, "1 h": 1})


def run(size: Size, *, with_peers: bool) -> Results:
    """Simulate, run every method and return how each one did."""
    began, results = time.monotonic(), Results(a_year=A_YEAR)

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)

    def run_ours() -> None:
        sensors = ours.Sensors(a_year=A_YEAR)
        ours.on_healthy_years(size, results)
        tell("ours, years without a change")
        ours.on_drops(drops, results, sensors)
        tell("ours, drops of CTR")
        ours.on_shifts(size, results, sensors)
        tell("ours, changes of a feature")

    drops = drop_batches(size)
    batches = {**healthy_batches(size), **drops}
    tell("streams simulated")
    run_in_process(batches, results)
    run_oracle(drops, results)
    tell("methods of a few lines")
    if not with_peers:
        run_ours()
        return results
    with (
        tempfile.TemporaryDirectory(prefix="bench-decisions-") as folder,
        running_peers(Path(folder), size, batches) as started,
    ):
        run_ours()
        collect(started, size, batches, results)
        tell("peers")
    return results


def main() -> None:
    """Run, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, help="without a change, each traffic; default 10")
    parser.add_argument("--quick", action="store_true", help="1 year, 40 paths, no rows for peers")
    parser.add_argument("--no-peers", action="store_true", help="nothing from .venv-bench")
    parser.add_argument("--report", type=Path, default=PROJECT / "bench" / "report.json")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    size = replace(size, years=options.years or size.years)
    with_peers = not options.no_peers
    if with_peers and not peers.PYTHON.exists():
        parser.error("the peers are not installed: run scripts/bench_env.sh, or add --no-peers")
    began = time.monotonic()
    results = run(size, with_peers=with_peers)
    simulated = {**asdict(size), "peers_ran": with_peers, "seconds": time.monotonic() - began}
    body = to_json(results, simulated=simulated)
    print(table(results, size))
    write_report(options.report, body)


if __name__ == "__main__":
    main()
