"""`airflow_settings.yaml` in the Astro CLI's form becomes Airflow's environment and pools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evergreen.domain.errors import SettingsInvalid
from evergreen.orchestration.airflow_settings import Pool, environment, pools

TEXT = """
airflow:
  connections:
    - conn_id: slack_default
      conn_type: slack
      conn_host:
      conn_password: xoxb-1
      conn_port: 443
      conn_extra: {proxy: none}
    - conn_id:
      conn_type:
  pools:
    - pool_name: training
      pool_slot: 3
      pool_description: Steps.
    - pool_name:
      pool_slot:
  variables:
    - variable_name: region
      variable_value: eu
    - variable_name:
      variable_value:
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(TEXT)
    return path


def test_environment(file: Path) -> None:
    found = environment(file)
    assert set(found) == {"AIRFLOW_CONN_SLACK_DEFAULT", "AIRFLOW_VAR_REGION"}
    assert found["AIRFLOW_VAR_REGION"] == "eu"
    assert json.loads(found["AIRFLOW_CONN_SLACK_DEFAULT"]) == {
        "conn_type": "slack",
        "password": "xoxb-1",
        "port": 443,
        "extra": {"proxy": "none"},
    }


def test_airflow_reads_the_connection(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models.connection import Connection

    text = environment(file)["AIRFLOW_CONN_SLACK_DEFAULT"]
    connection = Connection.from_json(text, conn_id="slack_default")
    assert (connection.conn_type, connection.password) == ("slack", "xoxb-1")


def test_pools(file: Path) -> None:
    assert pools(file) == [Pool(name="training", slots=3, description="Steps.")]


def test_the_repository_s_own_file() -> None:
    assert [pool.name for pool in pools()] == ["evergreen_training"]
    assert environment() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("airflow: [", "is not YAML"),
        ("airflow: {}", "expected a list `airflow: connections:`"),
        ("airflow: {connections: 5}", "expected a list `airflow: connections:`"),
        ("", "expected a list"),
    ],
)
def test_another_form_is_refused(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsInvalid, match=message):
        environment(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"none\.yaml: No such file or directory"):
        pools(tmp_path / "none.yaml")
