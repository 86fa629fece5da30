"""Parsing 100 models: under a second of CPU a file beyond importing Airflow, and nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evergreen.config.settings import PROJECT

MODELS = 100
MAX_CPU_S = 1.0
HEAVY = {
    *("mlflow", "pandas", "xgboost", "great_expectations", "kubernetes", "polars", "pyarrow"),
    *("matplotlib", "scipy", "numpy", "fsspec", "duckdb", "ibis", "slack_sdk"),
}
MEASURE = """
import importlib.util, json, sys, time
import airflow.sdk, airflow.triggers.base, airflow.providers.standard.operators.empty
from airflow.sdk import (DAG, Asset, AssetOrTimeSchedule, BaseOperator, BaseSensorOperator,
    BranchMixIn, CronDataIntervalTimetable, CronTriggerTimetable, Label, Param, chain)
with_airflow, seconds = set(sys.modules), {}
for path in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("dag_file", path)
    began = time.process_time()
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    seconds[path] = time.process_time() - began
print(json.dumps({"seconds": seconds, "new": sorted(set(sys.modules) - with_airflow)}))
"""


@pytest.mark.airflow
def test_parse_cost(home: Path, add_model: Callable[..., str]) -> None:
    for number in range(MODELS):
        add_model(f"model_{number}")
    files = [str(path) for path in sorted((PROJECT / "dags").glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *files], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert HEAVY & set(found["new"]) == set()
    slow = {path: cpu_s for path, cpu_s in found["seconds"].items() if cpu_s > MAX_CPU_S}
    assert slow == {}
