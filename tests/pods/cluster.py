"""The test cluster: who may do what there, the trainer image, and a record of every pod.

`shared/kubernetes/up.sh` starts it; without it (KUBECONFIG is not set) these tests skip.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from evergreen.config.settings import PROJECT

NAMESPACE = "evergreen"
SERVICE_ACCOUNT = "evergreen-step"
MACHINE = "10.244.0.1"
"""Where pods reach this machine's own services."""


def kubeconfig() -> Path:
    """Return the launcher's kubeconfig, or skip."""
    path = os.environ.get("KUBECONFIG")
    if not path:
        pytest.skip('no cluster: eval "$(../shared/kubernetes/up.sh)" sets KUBECONFIG')
    return Path(path)


def admin() -> client.CoreV1Api:
    """Return a client that may do everything, to set the scene and to look."""
    return client.CoreV1Api(
        config.new_client_from_config(str(kubeconfig().parent / "admin.kubeconfig"))
    )


def apply_manifests(api: client.CoreV1Api) -> None:
    """Create what `docker/kubernetes/` declares and this cluster does not have."""
    from kubernetes.utils import FailToCreateError, create_from_dict

    for path in sorted((PROJECT / "docker" / "kubernetes").glob("*.yaml")):
        for body in yaml.safe_load_all(path.read_text()):
            try:
                create_from_dict(api.api_client, body)
            except FailToCreateError as error:
                if any(e.status != 409 for e in error.api_exceptions):
                    raise


def put_secret(api: client.CoreV1Api, name: str, **values: str) -> None:
    """Create a secret, or replace it."""
    body = client.V1Secret(metadata=client.V1ObjectMeta(name=name), string_data=values)
    try:
        api.create_namespaced_secret(NAMESPACE, body)
    except ApiException as error:
        if error.status != 409:
            raise
        api.replace_namespaced_secret(name, NAMESPACE, body)


@dataclass
class PodLife:
    """One pod, from its creation until it is gone; `created` and `gone_at` count what was seen."""

    name: str
    uid: str
    labels: dict[str, str]
    created: int
    spec: Any = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    gone_at: int | None = None

    @property
    def gone(self) -> bool:
        return self.gone_at is not None


@dataclass
class Lives:
    """Every pod that there was since this began, seen by a watch of the admin's."""

    api: client.CoreV1Api
    pods: dict[str, PodLife] = field(default_factory=dict)
    _watch: watch.Watch = field(default_factory=watch.Watch)
    _end: bool = False
    _seen: int = 0

    def __enter__(self) -> Lives:
        start = self.api.list_namespaced_pod(NAMESPACE).metadata.resource_version
        self._thread = threading.Thread(target=self._follow, args=(start,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        alive = self._thread.is_alive()
        self._end = True
        self._watch.stop()
        assert alive, "the watch ended early: not every pod was seen"

    def of(self, step: str) -> list[PodLife]:
        """Return the pods of a step, in the order of their creation."""
        return [pod for pod in self.pods.values() if pod.labels.get("evergreen/step") == step]

    def until(self, found: Callable[[], Any], within_s: float = 120) -> Any:
        """Wait until `found()` is truthy and return that."""
        end = time.monotonic() + within_s
        while not (value := found()):
            assert time.monotonic() < end, f"not within {within_s} s; pods: {self.pods}"
            time.sleep(0.1)
        return value

    def never_two_at_once(self, step: str) -> bool:
        """Return whether each pod of a step was made after the one before it was gone."""
        return all(
            a.gone_at is not None and a.gone_at < b.created for a, b in pairwise(self.of(step))
        )

    def _follow(self, version: str) -> None:
        while not self._end:
            for event in self._events(version):
                if event is None or event["object"] is None:  # cut off in the middle of one
                    break
                if event["type"] == "ERROR":  # too old: begin again with what there is
                    version = "0"
                    break
                version = event["object"].metadata.resource_version
                self._note(event["object"], gone=event["type"] == "DELETED")

    def _events(self, version: str) -> Iterator[Any]:
        try:
            yield from self._watch.stream(
                self.api.list_namespaced_pod,
                NAMESPACE,
                resource_version=version,
                timeout_seconds=60,
            )
        except (ApiException, HTTPError):  # cut off: go on from where it was
            time.sleep(0.2)

    def _note(self, pod: Any, *, gone: bool) -> None:
        self._seen += 1
        about = (pod.metadata.name, pod.metadata.uid, dict(pod.metadata.labels or {}))
        life = self.pods.setdefault(pod.metadata.uid, PodLife(*about, created=self._seen))
        life.spec = pod.spec
        if gone:
            life.gone_at = self._seen
        for status in pod.status.container_statuses or ():
            state = status.state.running or status.state.terminated
            if state is not None:
                life.started_at = state.started_at or life.started_at
            if status.state.terminated is not None:
                life.finished_at = status.state.terminated.finished_at


def token_of(path: Path) -> str:
    """Return the token in a kubeconfig, which must be seen nowhere."""
    return str(yaml.safe_load(path.read_text())["users"][0]["user"]["token"])
