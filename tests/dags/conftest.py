"""An Airflow of the tests' own, set up before its first import, and installations for its DAGs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from evergreen.config.settings import settings

KINDS = ("monitor_hourly", "validate_nightly", "retrain", "rollback")

SPEC = {
    "model": "",
    "description": "Recommends what is bought together.",
    "owner": "team-shop",
    "runbook": "docs/runbooks/shop.md",
    "features": {"numeric": ["co_7d", "price"]},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the home of an installation without models."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def add_model(home: Path) -> Callable[..., str]:
    """Return what adds a model folder, with sections over the smallest spec."""

    def add(model: str = "shop", **sections: Any) -> str:
        folder = home / "models" / model
        folder.mkdir()
        text = yaml.safe_dump({**SPEC, "model": model, **sections})
        (folder / "model.yaml").write_text(text)
        return model

    return add


@pytest.fixture
def context() -> Callable[..., dict[str, Any]]:
    """Return what makes a task's context: run type, interval, what earlier tasks returned."""

    def make(
        *,
        run_type: str = "scheduled",
        start: Any = None,
        end: Any = None,
        params: dict[str, Any] | None = None,
        xcoms: dict[str, Any] | None = None,
        events: Any = (),
    ) -> dict[str, Any]:
        pulled, pushed = dict(xcoms or {}), {}
        ti = SimpleNamespace(
            xcom_pull=lambda task_ids: pulled.get(task_ids),  # as of a task that was skipped
            xcom_push=lambda key, value: pushed.update({key: value}),
            pushed=pushed,
            map_index=-1,
        )
        from airflow.sdk.api.datamodels._generated import DagRunType  # what a task sees

        run = SimpleNamespace(
            run_type=DagRunType(run_type),
            data_interval_start=start,
            data_interval_end=end,
            run_after=end,
        )
        return {
            "dag_run": run,
            "params": params or {},
            "ti": ti,
            "triggering_asset_events": {"asset": list(events)},
        }

    return make
