"""What a step's pod looks like: name, labels, environment, limits, what it may do.

The name is the lock. It follows from the run key, the step and its options alone, and a cluster
holds one pod of a name at a time: whoever asks second, a retry, another scheduler, another DAG run
of the same window, finds the first one's pod instead of starting a second training.

Imported by tasks only: the Kubernetes client takes a second that DAG parsing must not spend.
"""

from __future__ import annotations

import hashlib
import math
import re
from datetime import timedelta
from typing import Any

from kubernetes.client import models as k8s

from evergreen.config.compute_spec import ComputeSpec
from evergreen.config.settings import Settings
from evergreen.domain.errors import SettingsInvalid
from evergreen.trainer.manifest import POD_NAME, POD_UID

CONTAINER = "step"
COMMAND = ["python", "-m", "evergreen.cli"]
USER = 10001  # the image's; no account of the node has it
SCRATCH = "/tmp"  # noqa: S108  (the pod's own, on an emptyDir)
NAME_DIGITS = 12
MAX_NAME = 63  # so that the name can be a label and a host name too
MAX_LABEL = 63
GPU_STEP = "train"
DEADLINE_SLACK = timedelta(minutes=10)
"""A pod whose Airflow is gone for good ends this long after its step's timeout."""
PASSED_ON = ("lake_url", "runs_url", "published_url", "mlflow_url")
_AZURE = ("abfs", "abfss", "az")  # abfs://container@account is an address


def pod_name(model: str, run_key: str, folder: str) -> str:
    """Return the one name that a step's pod has.

    Args:
        model: The model.
        run_key: Identity of the retraining.
        folder: The step's result folder, for example `train/full_28d`.

    Example: `pod_name("also_bought", "0123456789abcdef", "train/full_28d")` is
    `also-bought-train-full-28d-` and 12 hexadecimal digits.
    """
    digest = hashlib.sha256(f"{model}/{run_key}/{folder}".encode()).hexdigest()[:NAME_DIGITS]
    words = re.sub(r"[^a-z0-9]+", "-", f"{model}-{folder}".lower()).strip("-")
    return f"{words[: MAX_NAME - NAME_DIGITS - 1].rstrip('-')}-{digest}"


def labels(model: str, step: str, run_key: str) -> dict[str, str]:
    """Return the labels by which people, policies and Evergreen find the pods."""
    return {
        "app.kubernetes.io/name": "evergreen-step",
        "app.kubernetes.io/managed-by": "evergreen",
        "evergreen/model": model[:MAX_LABEL],
        "evergreen/step": step,
        "evergreen/run-key": run_key,
    }


def environment(settings: Settings, compute: ComputeSpec) -> list[k8s.V1EnvVar]:
    """Return what every step must be told; credentials come by reference, from secrets.

    Raises:
        SettingsInvalid: a URL holds a password, which would stand in the pod's spec; or MLflow is
            not a server.
    """
    if not settings.mlflow_url.startswith(("http://", "https://")):
        raise SettingsInvalid(
            f"EVERGREEN_COMPUTE=kubernetes needs an MLflow server that pods can reach: set "
            f"EVERGREEN_MLFLOW_URL=http://… (it is {settings.mlflow_url or 'a local file'!r})"
        )
    threads = str(math.ceil(compute.cpu))
    values = {
        "HOME": SCRATCH,
        "EVERGREEN_HOME": f"{SCRATCH}/evergreen",
        "OMP_NUM_THREADS": threads,
        "POLARS_MAX_THREADS": threads,
    }
    for name in PASSED_ON:
        url = str(getattr(settings, name))
        if _holds_credentials(url):
            raise SettingsInvalid(
                f"EVERGREEN_{name.upper()} holds a user, a password or a query, which all who may "
                f"read pods would see; give credentials to the pods in a Kubernetes secret "
                f"(EVERGREEN_POD_SECRETS)"
            )
        if url:
            values[f"EVERGREEN_{name.upper()}"] = url
    own = {POD_UID: "metadata.uid", POD_NAME: "metadata.name"}
    return [
        *(k8s.V1EnvVar(name=name, value=value) for name, value in values.items()),
        *(
            k8s.V1EnvVar(
                name=name,
                value_from=k8s.V1EnvVarSource(field_ref=k8s.V1ObjectFieldSelector(field_path=path)),
            )
            for name, path in own.items()
        ),
    ]


def _holds_credentials(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    return "?" in rest or ("@" in rest and scheme not in _AZURE)


def secret_environment(settings: Settings) -> list[k8s.V1EnvFromSource]:
    """Return the references to the secrets whose keys the pod sees as environment."""
    names = (name.strip() for name in settings.pod_secrets.split(","))
    return [
        k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=name)) for name in names if name
    ]


def resources(compute: ComputeSpec, step: str) -> k8s.V1ResourceRequirements:
    """Return requests and limits, which are the same: what a step may take is set aside for it.

    A pod that asks for less than it takes is the first to be evicted, and one without a limit takes
    its neighbours down with it.
    """
    amounts = {
        "cpu": f"{compute.cpu:g}",
        "memory": compute.memory,
        "ephemeral-storage": compute.scratch,
    }
    if compute.gpu and step == GPU_STEP:
        amounts[compute.gpu_resource] = str(compute.gpu)
    return k8s.V1ResourceRequirements(requests=dict(amounts), limits=dict(amounts))


def pod_security() -> k8s.V1PodSecurityContext:
    """Return Kubernetes' `restricted` profile; the group makes mounted volumes writable."""
    return k8s.V1PodSecurityContext(
        run_as_non_root=True,
        run_as_user=USER,
        run_as_group=USER,
        fs_group=USER,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
    )


def container_security() -> k8s.V1SecurityContext:
    """Return what `restricted` asks of the container, and a root file system to read only."""
    return k8s.V1SecurityContext(
        allow_privilege_escalation=False,
        privileged=False,
        read_only_root_filesystem=True,
        capabilities=k8s.V1Capabilities(drop=["ALL"]),
    )


def scratch_volume(compute: ComputeSpec) -> dict[str, Any]:
    """Return the only place where a step may write beside the run directory."""
    volume = k8s.V1Volume(
        name="scratch", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit=compute.scratch)
    )
    mount = k8s.V1VolumeMount(name="scratch", mount_path=SCRATCH)
    return {"volumes": [volume], "volume_mounts": [mount]}
