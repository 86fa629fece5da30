"""Buttons on tasks: the run in MLflow, a pod's log; none where nobody can open them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from dag_files import dags

from evergreen.config.settings import settings
from evergreen.domain.errors import SettingsInvalid
from evergreen.orchestration.compute import KubernetesStep
from evergreen.orchestration.links import MLFLOW_RUN, MlflowRunLink, PodLogsLink

LOGS = "https://logs.example/explore?ns={namespace}&pod={pod}"


def links(dag_id: str) -> dict[str, list[str]]:
    """Return the names of the buttons of each task that has some."""
    return {
        task.task_id: [link.name for link in task.operator_extra_links]
        for task in dags()[dag_id].tasks
        if task.operator_extra_links
    }


def test_which_task_has_which(add_model: Callable[..., str]) -> None:
    add_model()
    both = ["Report", "MLflow run"]
    assert links("shop__retrain") == {
        "validate_window": ["Data Docs"],
        "validate_dataset": ["Data Docs"],
        "gate": both,
        "ask_operator": ["Report"],
        "promote": both,
        "hold": both,
    }
    assert links("shop__validate_nightly") == {"validate_day": ["Data Docs"]}


def test_steps_in_pods_have_one_to_their_log(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_COMPUTE", "kubernetes")
    settings.cache_clear()
    add_model()
    found = links("shop__retrain")
    assert [task for task, names in found.items() if names == ["Pod logs"]] == [
        "build_dataset",
        "train",
        "evaluate",
        "publish",
    ]


def test_the_mlflow_run_is_the_one_that_the_gate_left(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time.xcom import XCom

    left = {(MLFLOW_RUN, "gate", "shop__retrain", "r1"): "https://mlflow.example/#/1"}
    monkeypatch.setattr(
        XCom,
        "get_one",
        lambda *, key, task_id, dag_id, run_id, map_index: left.get((key, task_id, dag_id, run_id)),
    )
    key = SimpleNamespace(dag_id="shop__retrain", run_id="r1")
    assert MlflowRunLink().get_link(None, ti_key=key) == "https://mlflow.example/#/1"
    key.run_id = "r2"
    assert MlflowRunLink().get_link(None, ti_key=key) == ""


def step(monkeypatch: pytest.MonkeyPatch) -> KubernetesStep:
    """Return a step whose pod has a name, without a cluster."""
    monkeypatch.setattr(
        KubernetesStep, "_pod", SimpleNamespace(name="shop-train-0123"), raising=False
    )
    with DAG("shop__retrain"):
        return KubernetesStep(task_id="train", model="shop", step="train", run_dir="/runs/k")


def test_a_pod_s_log_is_where_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_POD_LOGS_URL", LOGS)
    settings.cache_clear()
    found = PodLogsLink().get_link(step(monkeypatch), ti_key=None)
    assert found == "https://logs.example/explore?ns=evergreen&pod=shop-train-0123"
    monkeypatch.delenv("EVERGREEN_POD_LOGS_URL")
    settings.cache_clear()
    assert PodLogsLink().get_link(step(monkeypatch), ti_key=None) == ""


@pytest.mark.parametrize("template", ["{pods}", "{}", "{", "{pod.x}"])
def test_a_template_that_cannot_be_filled_in_is_refused(
    monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    monkeypatch.setenv("EVERGREEN_POD_LOGS_URL", f"https://logs.example/{template}")
    settings.cache_clear()
    with pytest.raises(SettingsInvalid, match=r"EVERGREEN_POD_LOGS_URL.*no other"):
        settings()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("env", "pages"),
    [
        ({}, ""),
        ({"MLFLOW_URL": "postgresql://ann:pw@db/mlflow"}, ""),
        ({"MLFLOW_URL": "http://mlflow:5000/"}, "http://mlflow:5000"),
        ({"MLFLOW_URL": "https://ann:p%40w@mlflow/base"}, "https://mlflow/base"),
        ({"MLFLOW_URL": "http://mlflow:5000", "MLFLOW_UI_URL": "https://ml.ex"}, "https://ml.ex"),
    ],
)
def test_where_people_open_mlflow(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], pages: str
) -> None:
    for name in ("MLFLOW_URL", "MLFLOW_UI_URL"):
        monkeypatch.delenv(f"EVERGREEN_{name}", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(f"EVERGREEN_{name}", value)
    settings.cache_clear()
    found: Any = settings().mlflow_ui
    settings.cache_clear()
    assert found == pages
