"""NannyML's univariate drift over two files.

Called as `sketch_nannyml.py REFERENCE CURRENT NUMERIC CATEGORICAL`.
Prints one JSON line: seconds of reading both and computing, imports not included.
"""

import json
import sys
import time
from pathlib import Path

import nannyml
import pandas as pd


def peak_mb() -> float:
    """Return the largest resident size; ru_maxrss would hold the parent program's at the fork."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Time the calculator with its default methods, on the columns that we sketch; one chunk."""
    numeric, categorical = (names.split(",") for names in sys.argv[3:5])
    columns = numeric + categorical
    began = time.perf_counter()
    reference, current = (pd.read_parquet(file, columns=columns) for file in sys.argv[1:3])
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=columns, treat_as_categorical=categorical, chunk_number=1
    )
    result = calculator.fit(reference).calculate(current).to_df()
    seconds = time.perf_counter() - began
    peak = peak_mb()
    print(json.dumps({"seconds": seconds, "peak_mb": round(peak), "metrics": result.shape[1]}))


if __name__ == "__main__":
    main()
