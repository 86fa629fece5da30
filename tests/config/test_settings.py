"""`EVERGREEN_*`: defaults below HOME, and errors that name the variable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evergreen.config.settings import PROJECT, Settings, settings
from evergreen.domain.errors import SettingsInvalid


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"EVERGREEN_{field.upper()}", raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_without_any_all_state_is_in_the_project() -> None:
    assert settings().home == PROJECT / ".evergreen"
    assert settings().models_dir == PROJECT / "include" / "models"
    assert settings().compute == "local"
    assert settings().monitor_since is None


def test_home_moves_all_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))
    found = settings()
    assert found.lake_root("m") == f"{tmp_path}/lake/m"
    assert found.runs_root("m") == f"{tmp_path}/runs/m"
    assert found.published_root("m") == f"{tmp_path}/published/m"
    assert found.ledger == f"sqlite:///{tmp_path}/ledger.db"
    assert found.mlflow == f"sqlite:///{tmp_path}/mlflow/mlflow.db"


def test_urls_win_over_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_LAKE_URL", "s3://bucket/lake")
    monkeypatch.setenv("EVERGREEN_RUNS_URL", "gs://bucket/runs")
    monkeypatch.setenv("EVERGREEN_PUBLISHED_URL", "abfs://bucket/published")
    monkeypatch.setenv("EVERGREEN_LEDGER_URL", "postgresql://host/db")
    monkeypatch.setenv("EVERGREEN_MLFLOW_URL", "http://mlflow:5000")
    found = settings()
    assert found.lake_root("m") == "s3://bucket/lake/m"
    assert found.runs_root("m") == "gs://bucket/runs/m"
    assert found.published_root("m") == "abfs://bucket/published/m"
    assert found.ledger == "postgresql://host/db"
    assert found.mlflow == "http://mlflow:5000"


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERGREEN_HOME", "state")
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", "~/models")
    assert settings().home == tmp_path / "state"
    assert settings().models_dir == Path.home() / "models"


def test_monitor_since_is_floored_to_its_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_MONITOR_SINCE", "2011-05-02T14:45:00+02:00")
    assert settings().monitor_since == datetime(2011, 5, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EVERGREEN_COMPUTE", "mainframe"),
        ("EVERGREEN_POLL_INTERVAL_S", "0"),
        ("EVERGREEN_POLL_INTERVAL_S", "soon"),
        ("EVERGREEN_MONITOR_SINCE", "yesterday"),
    ],
)
def test_the_error_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid, match=f"^{variable}='{value}': "):
        settings()


def test_a_naive_moment_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_MONITOR_SINCE", "2011-05-02T12:00:00")
    with pytest.raises(SettingsInvalid, match=r"^EVERGREEN_MONITOR_SINCE=.*no time zone"):
        settings()


def test_it_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = settings()
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))
    assert settings() is before
