"""Evidently's data drift preset over the last 24 hours and over the last one.

usage: decisions_evidently.py JOB.json SHARES.json

JOB is a list of {reference: path, current: {name: path}, judge: {name: [hours]}}: at each of these
hours the rows of the window that ends with it are held against the reference (50,000 of its rows).
The answer has, by name and window, how many columns drifted each time. Run is the preset's own
count of drifted columns, with its defaults; its pictures are left out. None stands for its refusal
of a column that is missing in every row.
"""

import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

from decisions_rows import features, frame  # noqa: E402
from evidently import DataDefinition, Dataset, Report  # noqa: E402
from evidently.metrics import DriftedColumnsCount  # noqa: E402

REFERENCE_ROWS = 50_000
WINDOWS = (24, 1)


def drifted(current, reference, definition):
    """Return how many columns drifted, or None where Evidently refuses an all-missing column."""
    columns = definition.numerical_columns + definition.categorical_columns
    current = Dataset.from_pandas(current[columns], data_definition=definition)
    try:
        report = Report([DriftedColumnsCount()]).run(current, reference)
    except ValueError as error:
        if "empty column" not in str(error):
            raise
        return None
    return int(report.dict()["metrics"][0]["value"]["count"])


def judge(job):
    """Return by name and window the count of drifted columns at each judged hour."""
    reference = frame(job["reference"])
    numbers, categories = features(reference)
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    sample = reference.sample(min(REFERENCE_ROWS, len(reference)), random_state=0)
    sample = Dataset.from_pandas(sample[numbers + categories], data_definition=definition)
    counts = {}
    for name, path in job["current"].items():
        rows = frame(path)
        counts[name] = {
            f"{hours} h": [
                drifted(
                    rows[(rows["hour"] > at - hours) & (rows["hour"] <= at)], sample, definition
                )
                for at in job["judge"][name]
            ]
            for hours in WINDOWS
        }
    return counts


def main(job, out):
    """Judge every job."""
    jobs = json.loads(Path(job).read_text())
    results = {}
    for one in jobs:
        results |= judge(one)
    Path(out).write_text(json.dumps(results))


main(*sys.argv[1:])
