"""Servers that tests of several folders share; each is started once, when a test first asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import airflow_home  # (before anything imports Airflow, which reads it once)
from servers import S3Server, Server, mlflow_server, s3_server
from side_by_side import pytest_collection_modifyitems as pytest_collection_modifyitems
from side_by_side import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler


@pytest.fixture(scope="session")
def airflow_db() -> Path:
    """Return the home of an Airflow with a migrated metadata database."""
    from airflow.utils import db

    db.initdb()
    return airflow_home.AIRFLOW_HOME


@pytest.fixture(scope="session")
def s3_started() -> Iterator[S3Server]:
    """An object store; whoever uses it sets the environment."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_started: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """An object store that this test's process knows."""
    from s3fs import S3FileSystem

    for name, value in s3_started.environment().items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()  # an instance keeps the environment that it was made in
    yield s3_started
    S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="session")
def mlflow_started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """MLflow's server, whose files no client can reach."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server
