"""The whole pod as the cluster is asked for it; no cluster is asked here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient
from made_shop import spec_body

from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import Settings
from evergreen.domain.errors import SettingsInvalid
from evergreen.orchestration.step_pod import StepPod

DIGEST = f"registry.example.com/trainer@sha256:{'0' * 64}"


def asked(
    *, compute: dict[str, Any] | None = None, image: str = DIGEST, step: str = "train", **more: Any
) -> dict[str, Any]:
    """Return the pod as the cluster's API gets it."""
    pod = StepPod.of(
        ModelSpec.model_validate(spec_body(compute=compute or {})),
        Settings(mlflow_url="http://mlflow:5000", **more),
        step=step,
        folder="train/recent_7d",
        manifest={
            "run_key": "0123456789abcdef",
            "image": image,
            "frozen_at": "2026-01-01T00:00:00+00:00",
        },
        command=["step", "train", "--run-dir", "s3://b/runs/x", "--variant", "recent_7d"],
        handed_on={},
    )
    return dict(ApiClient().sanitize_for_serialization(pod.build_pod_request_obj(dry_run=True)))


def test_what_runs_where_for_how_long() -> None:
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    found = asked(
        compute={
            "gpu": 1,
            "node_selector": {"pool": "gpu"},
            "tolerations": [gpu],
            "timeout": "2h",
        }
    )
    spec, (container,) = found["spec"], found["spec"]["containers"]
    assert found["metadata"]["namespace"] == "evergreen"
    assert found["metadata"]["labels"] == {
        "app.kubernetes.io/name": "evergreen-step",
        "app.kubernetes.io/managed-by": "evergreen",
        "evergreen/model": "also_bought",
        "evergreen/step": "train",
        "evergreen/run-key": "0123456789abcdef",
        "airflow_version": found["metadata"]["labels"]["airflow_version"],
    }
    assert container["image"] == DIGEST
    assert container["command"] == ["python", "-m", "evergreen.cli"]
    assert container["args"][:2] == ["step", "train"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert spec["nodeSelector"] == {"pool": "gpu"}
    assert spec["tolerations"] == [gpu]
    assert spec["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] == 7_200 + 600  # an orphan's end
    assert spec["terminationGracePeriodSeconds"] == 10


def test_what_it_may_do() -> None:
    spec = asked()["spec"]
    assert spec["serviceAccountName"] == "evergreen-step"
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["volumes"] == [{"name": "scratch", "emptyDir": {"sizeLimit": "10Gi"}}]
    assert spec["containers"][0]["volumeMounts"] == [{"name": "scratch", "mountPath": "/tmp"}]
    assert len(spec["containers"]) == 1  # no sidecar
    assert "initContainers" not in spec or spec["initContainers"] == []


def test_a_template_adds_what_no_setting_says(tmp_path: Path) -> None:
    template = tmp_path / "pod.yaml"
    shared = {"name": "shared", "persistentVolumeClaim": {"claimName": "runs"}}
    template.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"annotations": {"cost-centre": "shop"}},
                "spec": {
                    "imagePullSecrets": [{"name": "registry"}],
                    "volumes": [shared],
                    "containers": [
                        {
                            "name": "step",
                            "image": "another:1",
                            "volumeMounts": [{"name": "shared", "mountPath": "/runs"}],
                        }
                    ],
                },
            }
        )
    )
    found = asked(pod_template=template)
    (container,) = found["spec"]["containers"]
    assert found["metadata"]["annotations"] == {"cost-centre": "shop"}
    assert {v["name"] for v in found["spec"]["volumes"]} == {"scratch", "shared"}
    assert {m["mountPath"] for m in container["volumeMounts"]} == {"/tmp", "/runs"}
    assert container["image"] == DIGEST  # the run's, whatever the template says
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_no_image_at_all() -> None:
    with pytest.raises(SettingsInvalid, match=r"no image for the pods of also_bought: set EVERGR"):
        asked(image="")


def test_the_installations_image_where_the_run_names_none() -> None:
    found = asked(image="", pod_image="evergreen-trainer:1")
    assert found["spec"]["containers"][0]["image"] == "evergreen-trainer:1"
