"""What the launcher may do in the cluster, and what a step's pod may do in its container."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from attempts import Attempts
from cluster import NAMESPACE, Lives, put_secret
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from evergreen.config.settings import PROJECT, settings
from evergreen.orchestration.step_pod import StepPod
from evergreen.trainer.manifest import RunDir

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]  # the image, the first time

LOOK = """
import json, os, pathlib
def writable(folder):
    try:
        (pathlib.Path(folder) / "x").write_text("x")
    except OSError as error:
        return error.strerror
    return "written"
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    "user": [os.getuid(), os.getgid()],
    "root": writable("/"), "code": writable("/opt/evergreen"), "scratch": writable("/tmp"),
    "home": os.environ["HOME"],
    **{name: status[name].strip() for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")},
    "token": os.path.exists("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    "told": os.environ["PLANTED"],
}))
"""


@pytest.fixture
def as_launcher(launcher: Path) -> client.ApiClient:
    return config.new_client_from_config(str(launcher))


FORBIDDEN: dict[str, Callable[[client.ApiClient], Any]] = {
    "read a secret": lambda c: client.CoreV1Api(c).read_namespaced_secret("planted", NAMESPACE),
    "list secrets": lambda c: client.CoreV1Api(c).list_namespaced_secret(NAMESPACE),
    "create a secret": lambda c: client.CoreV1Api(c).create_namespaced_secret(
        NAMESPACE, client.V1Secret(metadata=client.V1ObjectMeta(name="x"))
    ),
    "create a config map": lambda c: client.CoreV1Api(c).create_namespaced_config_map(
        NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="x"))
    ),
    "create a service account": lambda c: client.CoreV1Api(c).create_namespaced_service_account(
        NAMESPACE, client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="x"))
    ),
    "give itself rights": lambda c: client.RbacAuthorizationV1Api(c).create_namespaced_role(
        NAMESPACE, client.V1Role(metadata=client.V1ObjectMeta(name="x"), rules=[])
    ),
    "enter a pod": lambda c: client.CoreV1Api(c).connect_post_namespaced_pod_exec(
        "any", NAMESPACE, command="id"
    ),
    "see nodes": lambda c: client.CoreV1Api(c).list_node(),
    "see another namespace": lambda c: client.CoreV1Api(c).list_namespaced_pod("default"),
    "work in another namespace": lambda c: client.CoreV1Api(c).create_namespaced_pod(
        "default", pod("x")
    ),
    "see every namespace": lambda c: client.CoreV1Api(c).list_pod_for_all_namespaces(),
}


def pod(name: str) -> client.V1Pod:
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="none:1")]),
    )


@pytest.mark.parametrize("deed", FORBIDDEN)
def test_the_launcher_may_not(
    deed: str, as_launcher: client.ApiClient, admin: client.CoreV1Api
) -> None:
    put_secret(admin, "planted", PLANTED="pl4nted")
    with pytest.raises(ApiException) as caught:
        FORBIDDEN[deed](as_launcher)
    assert caught.value.status == 403
    assert "pl4nted" not in str(caught.value)


def test_our_role_is_what_the_launcher_has(admin: client.CoreV1Api) -> None:
    """So what these tests show of the launcher is shown of docker/kubernetes/."""

    def rights(rules: list[Any]) -> set[tuple[str, str]]:
        return {(r, v) for rule in rules for r in rule["resources"] for v in rule["verbs"]}

    there = client.RbacAuthorizationV1Api(admin.api_client).read_namespaced_role(
        "pod-launcher", NAMESPACE
    )
    bodies = (
        body
        for path in (PROJECT / "docker" / "kubernetes").glob("*.yaml")
        for body in yaml.safe_load_all(path.read_text())
    )
    (ours,) = [b for b in bodies if b["kind"] == "Role" and "launcher" in b["metadata"]["name"]]
    assert rights(ours["rules"]) == rights([rule.to_dict() for rule in there.rules])


def test_inside_a_pod(
    fresh: Callable[..., Attempts],
    lives: Lives,
    admin: client.CoreV1Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_secret(admin, "planted", PLANTED="pl4nted")
    monkeypatch.setenv("EVERGREEN_POD_SECRETS", "planted")
    settings.cache_clear()
    run = fresh("build_dataset")
    made = StepPod.of(
        run.task()._spec,
        settings(),
        step="build_dataset",
        folder="build_dataset",
        manifest=RunDir(run.run_dir).manifest(),
        command=[],
        handed_on={},
    )
    made.cmds = ["python", "-c", LOOK]
    asked = made.build_pod_request_obj(run._context())
    assert "pl4nted" not in str(asked)
    made.get_or_create_pod(asked, run._context())
    ended = ("Succeeded", "Failed")
    lives.until(lambda: (now := made.current()) is not None and now.status.phase in ended)
    said = admin.read_namespaced_pod_log(made.name, NAMESPACE, _preload_content=False)
    assert json.loads(said.data) == {
        "user": [10001, 10001],
        "root": "Read-only file system",
        "code": "Read-only file system",
        "scratch": "written",
        "home": "/tmp",
        "CapEff": "0000000000000000",
        "CapBnd": "0000000000000000",
        "NoNewPrivs": "1",
        "Seccomp": "2",  # a filter
        "token": False,
        "told": "pl4nted",
    }
