"""Rows that the harness wrote, as a pandas frame: numbers, and categories as text."""

import numpy as np
import pandas as pd


def frame(path):
    """Return the frame of one .npz; a category's code -1 is missing."""
    arrays, columns = np.load(path), {}
    for name in arrays.files:
        values = arrays[name]
        if name.startswith("category"):
            levels = [f"level {i}" for i in range(values.max() + 1)]
            values = pd.Categorical.from_codes(values, levels).astype("str").astype(object)
            values = np.where(arrays[name] < 0, None, values)
        columns[name] = values
    rows = pd.DataFrame(columns)
    rows["time"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rows["hour"], unit="h")
    return rows


def features(rows):
    """Return names of the numbers, and of the categories."""
    names = [name for name in rows if name.startswith(("number", "category"))]
    numbers = [name for name in names if name.startswith("number")]
    return numbers, [name for name in names if name not in numbers]
