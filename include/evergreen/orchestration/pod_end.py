"""How a pod ended without a result, in words that say what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evergreen.config.compute_spec import ComputeSpec
from evergreen.orchestration.pod_spec import CONTAINER

KILLED = 137  # 128 + SIGKILL
TERMINATED = 143  # 128 + SIGTERM
MAX_TEXT = 400
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodEnd:
    """Why there is no result.

    Args:
        text: What happened, and what to change.
        again: Whether another attempt may go better with nothing changed.
    """

    text: str
    again: bool


def how_it_ended(pod: Any | None, compute: ComputeSpec) -> PodEnd:
    """Return why a pod has no result.

    Args:
        pod: A `V1Pod` as the cluster last told it; None when it is gone.
        compute: The limits it ran under.
    """
    if pod is None:
        return PodEnd(
            text="the pod is gone: deleted by a person, or its node was drained or lost",
            again=True,
        )
    reason, message = pod.status.reason or "", _short(pod.status.message)
    waiting, ended = _state(pod, "waiting"), _state(pod, "terminated")
    if reason == "Evicted":
        return _evicted(message, compute)
    if reason == "DeadlineExceeded" or _state(pod, "running") is not None:
        return PodEnd(
            text=f"it took longer than compute.timeout ({compute.timeout}); raise compute.timeout "
            f"in model.yaml",
            again=False,
        )
    if reason:  # the node shuts down, is preempted, lost
        return PodEnd(text=f"it was ended by its node: {reason}: {message}", again=True)
    if ended is not None and _out_of_memory(ended, pod):
        return PodEnd(
            text=f"killed for memory: it took more than compute.memory ({compute.memory}); raise "
            f"compute.memory in model.yaml and clear the task, or lower "
            f"train.external_memory_above and start a new run",
            again=False,
        )
    if waiting is not None and waiting.reason in _IMAGE:
        return PodEnd(
            text=f"its image cannot be had: {_short(waiting.message) or waiting.reason}; check "
            f"compute.image, EVERGREEN_POD_IMAGE and the pull secrets",
            again=False,
        )
    if waiting is not None and waiting.reason in _CONFIG:
        return PodEnd(
            text=f"it cannot start: {_short(waiting.message) or waiting.reason}; check that the "
            f"secrets of EVERGREEN_POD_SECRETS and the volumes of EVERGREEN_POD_TEMPLATE exist",
            again=False,
        )
    if (unscheduled := _unscheduled(pod)) is not None:
        return PodEnd(
            text=f"no node took it: {unscheduled}; lower compute.cpu, memory or gpu, mend "
            f"node_selector and tolerations, or add a node",
            again=True,
        )
    if pod.metadata.deletion_timestamp or (ended is not None and ended.exit_code == TERMINATED):
        return PodEnd(text="it was ended from outside: deleted, or its node drained", again=True)
    if ended is None:
        return PodEnd(text=f"it is {pod.status.phase} and was given up: {message}", again=True)
    if ended.exit_code == 0:
        return PodEnd(
            text="it ended well, but its result is not where Airflow looks: the run directory must "
            "be an object store, or a volume that both see under one path (EVERGREEN_RUNS_URL, "
            "EVERGREEN_POD_TEMPLATE)",
            again=False,
        )
    said = _short((ended.message or "").strip().rpartition("\n")[2])
    return PodEnd(text=f"exit code {ended.exit_code}: {said or 'it said nothing'}", again=True)


def _evicted(message: str, compute: ComputeSpec) -> PodEnd:
    node = "node was low" in message  # another node, or a later hour, may have room
    key, limit = ("memory", compute.memory) if "memory" in message else ("scratch", compute.scratch)
    what = f"the node ran out of room for compute.{key}" if node else f"more than compute.{key}"
    text = f"evicted: {message.rstrip('. ')}: {what} ({limit}); raise compute.{key} in model.yaml"
    return PodEnd(text=text, again=node)


def _out_of_memory(ended: Any, pod: Any) -> bool:
    """Return whether the kernel ended it; a pod that is deleted may be killed by the kubelet."""
    killed = ended.exit_code == KILLED and not pod.metadata.deletion_timestamp
    return ended.reason == "OOMKilled" or killed


def _state(pod: Any, kind: str) -> Any | None:
    for status in pod.status.container_statuses or ():
        if status.name == CONTAINER:
            return getattr(status.state, kind)
    return None


def _unscheduled(pod: Any) -> str | None:
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return _short(condition.message or condition.reason)
    return None


def _short(text: str | None) -> str:
    return " ".join((text or "").split())[:MAX_TEXT]
