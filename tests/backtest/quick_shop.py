"""The built-in shop with a spec that is quick to train and quick to alarm."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from evergreen.config.settings import PROJECT
from evergreen.storefront import shop

MODEL = "also_bought"
DAY = timedelta(days=1)
OPENED = shop.START + 42 * DAY
"""The first hour that is replayed: six weeks lie before it."""
QUICK: dict[str, dict[str, Any]] = {
    "train": {
        "window": "14d",
        "lookback": "28d",
        "validation": "2d",
        "rounds": 10,
        "max_page_views": 2_000,
        "candidates": 15,
        "params": {"max_depth": 3, "min_child_weight": 20, "nthread": 1},
        "min_rows": 100,
    },
    "gate": {"holdout": "3d", "min_page_views": 50, "resamples": 200},
}


def make_models(folder: Path) -> Path:
    """Write a models folder with also_bought and the quick spec."""
    target = folder / MODEL
    shutil.copytree(
        PROJECT / "include" / "models" / MODEL,
        target,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    body = yaml.safe_load((target / "model.yaml").read_text())
    for section, keys in QUICK.items():
        body[section] = {**body[section], **keys}
    body["monitor"]["fallback"] = {"max_share": 0.004}  # so that something is asked for
    (target / "model.yaml").write_text(yaml.safe_dump(body))
    return folder
