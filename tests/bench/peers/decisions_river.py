"""river's ADWIN and Page-Hinkley on hourly CTR and on its z-scores; ADWIN on features' means.

usage: decisions_river.py SERIES.npz ALARMS.json

SERIES has `<batch>|reference` [H], `<batch>|ctr` [P, H] (NaN: closed, or after the end), and for
some batches `<batch>|means` [P, H, F].
"""

import json
import sys
from pathlib import Path

import numpy as np
from river import drift

SILENT_HOURS = 24


def alarms(values, make):
    """Hours at which the detector fires; then a new one starts, after a day of silence."""
    found, detector, silent = [], make(), 0
    for hour, value in enumerate(values.tolist()):
        if hour < silent or value != value:
            continue
        detector.update(value)
        if detector.drift_detected:
            found.append(hour)
            detector, silent = make(), hour + 1 + SILENT_HOURS
    return found


def any_feature(means):
    """Hours at which ADWIN of any feature fires; then all start again."""
    found, start = [], 0
    while start < len(means):
        firsts = [first(means[start:, f]) for f in range(means.shape[1])]
        soonest = min((f for f in firsts if f is not None), default=None)
        if soonest is None:
            break
        found.append(start + soonest)
        start += soonest + 1 + SILENT_HOURS
    return found


def first(values):
    """First hour at which ADWIN fires, or None."""
    detector = drift.ADWIN(delta=0.002)
    for hour, value in enumerate(values.tolist()):
        if value == value:
            detector.update(value)
            if detector.drift_detected:
                return hour
    return None


def adwin():
    """ADWIN with its default delta."""
    return drift.ADWIN(delta=0.002)


def page_hinkley():
    """Page-Hinkley with its defaults, for a fall."""
    return drift.PageHinkley(mode="down")


def main(series, out):
    """Run every detector over every batch."""
    arrays = np.load(series)
    detectors = {"river ADWIN": adwin, "river Page-Hinkley": page_hinkley}
    results = {name: {} for one in detectors for name in (one, f"{one}, z-scores")}
    results["river ADWIN, features"] = {}
    for key in arrays.files:
        batch, kind = key.rsplit("|", 1)
        if kind == "means":
            results["river ADWIN, features"][batch] = [any_feature(m) for m in arrays[key]]
        if kind != "ctr":
            continue
        ctr, reference = arrays[key], arrays[f"{batch}|reference"]
        z = (ctr - np.nanmean(reference)) / np.nanstd(reference)
        for name, make in detectors.items():
            results[name][batch] = [alarms(c, make) for c in ctr]
            results[f"{name}, z-scores"][batch] = [alarms(c, make) for c in z]
    Path(out).write_text(json.dumps(results))


main(*sys.argv[1:])
