"""What a pod may do, take and see; no cluster is asked."""

from __future__ import annotations

import re
from typing import Any

import pytest
from kubernetes.client import ApiClient

from evergreen.config.compute_spec import ComputeSpec
from evergreen.config.settings import Settings
from evergreen.domain.errors import SettingsInvalid
from evergreen.orchestration import pod_spec
from evergreen.trainer.step_folder import step_folder

KEY = "0123456789abcdef"


def plain(found: Any) -> Any:
    return ApiClient().sanitize_for_serialization(found)


def values(settings: Settings, compute: ComputeSpec | None = None) -> dict[str, Any]:
    found = plain(pod_spec.environment(settings, compute or ComputeSpec()))
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in found}


@pytest.mark.parametrize(
    ("step", "options", "folder"),
    [
        ("build_dataset", {}, "build_dataset"),
        ("train", {"variant": "recent_7d"}, "train/recent_7d"),
        ("evaluate", {"champion": "3"}, "evaluate/champion=3"),
        ("publish", {"version": "4", "fence": "2"}, "publish/release=2"),
    ],
)
def test_a_name_is_the_steps_and_nothing_elses(
    step: str, options: dict[str, str], folder: str
) -> None:
    assert step_folder(step, options) == folder
    name = pod_spec.pod_name("also_bought", KEY, folder)
    assert re.fullmatch(r"also-bought-[a-z0-9-]+-[0-9a-f]{12}", name)
    others = {
        pod_spec.pod_name("also_bought", KEY[::-1], folder),
        pod_spec.pod_name("also-bought", KEY, folder),
        pod_spec.pod_name("also_bought", KEY, f"{folder}x"),
    }
    assert name not in others
    assert len(others) == 3


def test_a_long_name_is_cut_and_still_a_dns_label() -> None:
    name = pod_spec.pod_name("m" * 63, KEY, "train/full_28d")
    assert len(name) == 63
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)
    assert name != pod_spec.pod_name("m" * 63, KEY, "train/recent_7d")


def test_requests_are_limits_and_only_training_gets_the_gpu() -> None:
    compute = ComputeSpec(cpu=1.5, memory="4Gi", scratch="20Gi", gpu=2, gpu_resource="amd.com/gpu")
    wanted = {"cpu": "1.5", "memory": "4Gi", "ephemeral-storage": "20Gi"}
    assert plain(pod_spec.resources(compute, "evaluate")) == {
        "requests": wanted,
        "limits": wanted,
    }
    wanted = {**wanted, "amd.com/gpu": "2"}
    assert plain(pod_spec.resources(compute, "train")) == {"requests": wanted, "limits": wanted}


def test_the_environment_names_places_and_the_pod_itself() -> None:
    said = values(
        Settings(mlflow_url="http://mlflow:5000", runs_url="s3://bucket/runs"), ComputeSpec(cpu=1.2)
    )
    assert said == {
        "HOME": "/tmp",
        "EVERGREEN_HOME": "/tmp/evergreen",
        "OMP_NUM_THREADS": "2",
        "POLARS_MAX_THREADS": "2",
        "EVERGREEN_RUNS_URL": "s3://bucket/runs",
        "EVERGREEN_MLFLOW_URL": "http://mlflow:5000",
        "EVERGREEN_POD_UID": {"fieldRef": {"fieldPath": "metadata.uid"}},
        "EVERGREEN_POD_NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
    }


@pytest.mark.parametrize("name", ["mlflow_url", "lake_url", "runs_url", "published_url"])
def test_a_password_in_a_url_is_refused(name: str) -> None:
    for url in ("http://ann:pl4nted@host/x", "https://pl4nted@host", "http://host?sig=pl4nted"):
        urls = {"mlflow_url": "http://mlflow:5000", name: url}
        with pytest.raises(SettingsInvalid) as caught:
            values(Settings(**urls))
        assert f"EVERGREEN_{name.upper()} holds a user, a password" in str(caught.value)
        assert "pl4nted" not in str(caught.value)


def test_an_azure_container_is_no_user() -> None:
    url = "abfs://lake@account.dfs.core.windows.net/events"
    assert values(Settings(mlflow_url="http://m:1", lake_url=url))["EVERGREEN_LAKE_URL"] == url


def test_a_ledger_never_reaches_a_pod() -> None:
    said = values(Settings(mlflow_url="http://m:1", ledger_url="postgresql://ann:pl4nted@host/x"))
    assert "pl4nted" not in str(said)


def test_mlflow_must_be_a_server() -> None:
    with pytest.raises(SettingsInvalid, match=r"set EVERGREEN_MLFLOW_URL=http://… \(it is 'a loc"):
        values(Settings())


def test_secrets_are_references() -> None:
    found = plain(pod_spec.secret_environment(Settings(pod_secrets="store, mlflow,")))
    assert found == [{"secretRef": {"name": "store"}}, {"secretRef": {"name": "mlflow"}}]
    assert pod_spec.secret_environment(Settings()) == []


def test_the_restricted_profile() -> None:
    """What Kubernetes' Pod Security Standards ask for under `restricted`."""
    assert plain(pod_spec.pod_security()) == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert plain(pod_spec.container_security()) == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
