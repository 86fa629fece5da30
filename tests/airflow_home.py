"""An Airflow of the tests' own; import this before Airflow itself, which reads it once."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from evergreen.config.settings import PROJECT

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="evergreen-airflow-"))
_OWNER = os.getpid()
os.environ.update(
    AIRFLOW_HOME=str(AIRFLOW_HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{AIRFLOW_HOME / 'airflow.db'}",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)


@atexit.register
def _remove() -> None:
    if os.getpid() == _OWNER:  # a forked task ends without taking its parent's home along
        shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)
