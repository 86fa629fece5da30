"""One demo for the whole session: a model goes stale, is retrained and deployed, and stays up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kept_demo import BACKFILLED, MODEL, Told, command, stop, told_of

from evergreen.config.settings import PROJECT
from evergreen.orchestration.airflow_api import AirflowApi
from evergreen.orchestration.local_airflow import USER


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Run the demo once, as a user would; its models are a copy, so that tests may add some.

    `EVERGREEN_KEPT_DEMO` names the home of one that runs already, for the panel's tests alone.
    """
    if kept := os.environ.get("EVERGREEN_KEPT_DEMO"):
        yield told_of(Path(kept), Path(kept).parent / "models", Path(kept), {})
        return
    home, out = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("out")
    models = home / "models"
    shutil.copytree(PROJECT / "include" / "models", models)
    wanted = ["--keep", "--out", str(out), "--backfill-hours", str(BACKFILLED), "--json"]
    done = subprocess.run(
        command(*wanted),
        env={**os.environ, "EVERGREEN_HOME": str(home), "EVERGREEN_MODELS_DIR": str(models)},
        capture_output=True,
        text=True,
        check=False,
    )
    demo = home / "demo"
    try:
        assert done.returncode == 0, done.stderr[-4_000:]
        made = told_of(demo, models, out, json.loads(done.stdout))
        with closing(AirflowApi(made.url, user=USER, password=made.password)) as api:
            api.set_paused(f"{MODEL}__monitor_hourly", paused=True)  # what is looked at stays so
        yield made
        made.ledger.close()
    finally:
        stop(demo)
