"""One demo for the whole session: a model goes stale, is retrained and deployed, and stays up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest
from kept_demo import BACKFILLED, MODEL, Told, command, stop

from evergreen.adapters.ledger import Ledger
from evergreen.config.settings import PROJECT
from evergreen.orchestration.airflow_api import AirflowApi
from evergreen.orchestration.local_airflow import USER


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Run the demo once, as a user would; its models are a copy, so that tests may add some."""
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
        url = json.loads((demo / "airflow" / "running.json").read_text())["url"]
        password = (demo / "airflow" / "password").read_text()
        with closing(AirflowApi(url, user=USER, password=password)) as api:
            api.set_paused(f"{MODEL}__monitor_hourly", paused=True)  # what is looked at stays so
        ledger = Ledger(f"sqlite:///{demo / 'ledger.db'}")
        yield Told(
            report=json.loads(done.stdout),
            home=demo,
            out=out,
            ledger=ledger,
            models=models,
            url=url,
            password=password,
        )
        ledger.close()
    finally:
        stop(demo)
