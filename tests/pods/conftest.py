"""One image, one installation on a shared volume, and pods that are swept up after each test."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attempts
import cluster
import pytest
import yaml
from kubernetes import client
from made_shop import END, Shop, land, landed_window, make_models, make_orders

from trainer_image import trainer_image


@pytest.fixture(scope="session")
def launcher() -> Path:
    return cluster.kubeconfig()


@pytest.fixture(scope="session")
def admin(launcher: Path) -> client.CoreV1Api:
    """The scene: our manifests, and a secret with a planted password."""
    api = cluster.admin()
    cluster.apply_manifests(api)
    return api


@pytest.fixture(scope="session")
def image(launcher: Path) -> str:
    return trainer_image()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pods see under the same path: an installation on a shared volume."""
    made = tmp_path_factory.mktemp("volume")
    made.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def shop(folder: Path, image: str, launcher: Path, admin: client.CoreV1Api) -> Iterator[Shop]:
    """An installation whose steps run in pods, with a frozen window."""
    template = folder / "pod.yaml"
    template.write_text(yaml.safe_dump(pod_template(folder)))
    os.umask(0)  # the pods' user writes beside ours
    made = Shop(folder / "home", folder / "lake", make_models(folder / "models"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "COMPUTE": "kubernetes",
            "POD_IMAGE": image,
            "POD_TEMPLATE": str(template),
            "POD_POLL_INTERVAL_S": "1",
            "POD_LOG_INTERVAL_S": "2",
            "KUBECONFIG": str(launcher),
            "MLFLOW_URL": f"http://{cluster.MACHINE}:1",
        }.items():
            patch.setenv(f"EVERGREEN_{name}", value)
        with made.entered():
            land(made.lake, make_orders(), landed_window())
            yield made
    os.umask(0o022)


@pytest.fixture
def lives(admin: client.CoreV1Api) -> Iterator[cluster.Lives]:
    """A record of all pods of the test, which are gone after it; the namespace is this test's."""
    with (Path(tempfile.gettempdir()) / "evergreen-tests-in-pods").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other modules' tests may run in other processes
        yield from alone(admin)


def alone(admin: client.CoreV1Api) -> Iterator[cluster.Lives]:
    with cluster.Lives(admin) as seen:
        yield seen
        admin.delete_collection_namespaced_pod(cluster.NAMESPACE, grace_period_seconds=0)
        seen.until(lambda: not admin.list_namespaced_pod(cluster.NAMESPACE).items)


@pytest.fixture
def held(admin: client.CoreV1Api) -> Iterator[Callable[[str], None]]:
    """Keep a pod from going when it is deleted, until the test is over: a finalizer."""
    names: list[str] = []

    def hold(name: str) -> None:
        names.append(name)
        admin.patch_namespaced_pod(name, cluster.NAMESPACE, holding(["evergreen.test/hold"]))

    yield hold
    for name in names:
        admin.patch_namespaced_pod(name, cluster.NAMESPACE, holding(None))


def holding(finalizers: list[str] | None) -> dict[str, Any]:
    return {"metadata": {"finalizers": finalizers}}


@pytest.fixture
def fresh(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., attempts.Attempts]:
    """Return a step's attempts on a run of their own, under these limits."""

    def made(step: str, *, arguments: dict[str, str] | None = None, **limits: Any) -> Any:
        made = attempts.Attempts(step, "", arguments or {}, models_dir=shop.models_dir)
        made.limits(**limits)
        made.run_dir = shop.freeze(until=END, force=True)["run_dir"]
        open_to_all(shop.home)
        return made

    return made


def open_to_all(folder: Path) -> None:
    """Let the pods' user write below a folder, as a volume's fsGroup does."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


def pod_template(folder: Path) -> dict[str, Any]:
    """Return a pod's YAML that mounts a folder of the node."""
    name = {"name": "shared"}
    mount = {**name, "mountPath": str(folder)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            "containers": [{"name": "step", "volumeMounts": [mount]}],
            "volumes": [{**name, "hostPath": {"path": str(folder), "type": "Directory"}}],
        },
    }
