"""Evidently's drift preset over two files.

Called as `sketch_evidently.py REFERENCE CURRENT NUMERIC CATEGORICAL`.
Prints one JSON line: seconds of reading both and computing, imports not included.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


def peak_mb() -> float:
    """Return the largest resident size; ru_maxrss would hold the parent program's at the fork."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Time the preset with its defaults, on the columns that we sketch."""
    numeric, categorical = (names.split(",") for names in sys.argv[3:5])
    began = time.perf_counter()
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=categorical)
    reference, current = (
        Dataset.from_pandas(
            pd.read_parquet(file, columns=numeric + categorical), data_definition=definition
        )
        for file in sys.argv[1:3]
    )
    result = Report([DataDriftPreset()]).run(current, reference).dict()
    seconds = time.perf_counter() - began
    peak = peak_mb()
    found = len(result["metrics"])
    print(json.dumps({"seconds": seconds, "peak_mb": round(peak), "metrics": found}))


if __name__ == "__main__":
    main()
