"""NannyML's thresholds: univariate drift by hour and by day, and realised CTR by hour.

usage: decisions_nannyml.py JOB.json SERIES.npz ALARMS.json

JOB is that of decisions_evidently.py; the answer has under `drift`, by name and chunk, how many
columns alarm in each chunk. SERIES is that of decisions_river.py; the answer has under `ctr` the
hours outside mean ± 3 sd of the reference's hourly CTR.
"""

import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import nannyml  # noqa: E402
import numpy as np  # noqa: E402
from decisions_rows import features, frame  # noqa: E402
from nannyml.thresholds import StandardDeviationThreshold  # noqa: E402

CHUNKS = {"1 h": "h", "24 h": "D"}


def alarming_columns(job):
    """Return by name and chunk how many columns alarm in each chunk, with default methods."""
    reference = frame(job["reference"])
    numbers, categories = features(reference)
    counts = {name: {} for name in job["current"]}
    for chunk, period in CHUNKS.items():
        calculator = nannyml.UnivariateDriftCalculator(
            column_names=numbers + categories,
            timestamp_column_name="time",
            chunk_period=period,
        ).fit(reference)
        for name, path in job["current"].items():
            table = calculator.calculate(frame(path)).filter(period="analysis").to_df()
            alerts = table.xs("alert", axis=1, level=-1).astype(bool)
            counts[name][chunk] = alerts.sum(axis=1).astype(int).tolist()
    return counts


def outside(arrays):
    """Return by batch and path the hours whose CTR is outside NannyML's default threshold."""
    hours = {}
    for key in arrays.files:
        batch, kind = key.rsplit("|", 1)
        if kind == "ctr":
            reference = arrays[f"{batch}|reference"]
            low, high = StandardDeviationThreshold().thresholds(reference[~np.isnan(reference)])
            hours[batch] = [np.flatnonzero((c < low) | (c > high)).tolist() for c in arrays[key]]
    return hours


def main(job, series, out):
    """Judge every job and every series."""
    jobs = json.loads(Path(job).read_text())
    results = {"ctr": outside(np.load(series)), "drift": {}}
    for one in jobs:
        results["drift"] |= alarming_columns(one)
    Path(out).write_text(json.dumps(results))


main(*sys.argv[1:])
