"""How a pod ended, from what the cluster said of it; the real ones are in test_faults.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.client import models as k8s

from evergreen.config.compute_spec import ComputeSpec
from evergreen.orchestration.pod_end import how_it_ended

COMPUTE = ComputeSpec(memory="2Gi", scratch="10Gi")


def pod(
    *, phase: str = "Failed", deleted: bool = False, state: Any = None, **status: Any
) -> k8s.V1Pod:
    known = k8s.V1ContainerStatus(
        name="step", image="i", image_id="i", ready=False, restart_count=0, state=state
    )
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(deletion_timestamp=datetime.now(UTC) if deleted else None),
        status=k8s.V1PodStatus(phase=phase, container_statuses=state and [known], **status),
    )


def ended(exit_code: int, reason: str = "Error", message: str | None = None) -> Any:
    return k8s.V1ContainerState(
        terminated=k8s.V1ContainerStateTerminated(
            exit_code=exit_code, reason=reason, message=message
        )
    )


def waiting(reason: str, message: str) -> Any:
    return k8s.V1ContainerState(waiting=k8s.V1ContainerStateWaiting(reason=reason, message=message))


CASES = {
    "gone": (None, "the pod is gone: deleted by a person, or its node", True),
    "out of memory": (pod(state=ended(137, "OOMKilled")), "raise compute.memory in", False),
    "killed by the kernel": (pod(state=ended(137)), "more than compute.memory (2Gi)", False),
    "killed after its grace": (
        pod(state=ended(137), deleted=True),
        "it was ended from outside: deleted, or its node drained",
        True,
    ),
    "sigterm": (pod(state=ended(143)), "it was ended from outside", True),
    "evicted for disk": (
        pod(
            reason="Evicted", message='Usage of EmptyDir volume "scratch" exceeds the limit "1Mi".'
        ),
        'exceeds the limit "1Mi": more than compute.scratch (10Gi); raise compute.scratch in',
        False,
    ),
    "evicted for memory": (
        pod(reason="Evicted", message="The node was low on resource: memory. Container step was "),
        "the node ran out of room for compute.memory (2Gi); raise compute.memory in model.yaml",
        True,
    ),
    "evicted from a full disk": (
        pod(reason="Evicted", message="The node was low on resource: ephemeral-storage."),
        "the node ran out of room for compute.scratch (10Gi); raise compute.scratch",
        True,
    ),
    "node shuts down": (
        pod(reason="Terminated", message="Pod was terminated.", state=ended(137)),
        "it was ended by its node: Terminated: Pod was terminated.",
        True,
    ),
    "killed at its deadline": (
        pod(reason="DeadlineExceeded", state=ended(137)),
        "took longer than compute.timeout",
        False,
    ),
    "deadline": (pod(reason="DeadlineExceeded"), "took longer than compute.timeout (1:00", False),
    "still running": (
        pod(phase="Running", state=k8s.V1ContainerState(running=k8s.V1ContainerStateRunning())),
        "raise compute.timeout in model.yaml",
        False,
    ),
    "no image": (
        pod(phase="Pending", state=waiting("ImagePullBackOff", 'Back-off pulling "x:1"')),
        'its image cannot be had: Back-off pulling "x:1"; check compute.image',
        False,
    ),
    "no secret": (
        pod(phase="Pending", state=waiting("CreateContainerConfigError", 'secret "s" not found')),
        'it cannot start: secret "s" not found; check that the secrets of EVERGREEN_POD_SECRETS',
        False,
    ),
    "no room": (
        pod(
            phase="Pending",
            conditions=[
                k8s.V1PodCondition(
                    type="PodScheduled", status="False", message="0/3 nodes: Insufficient memory."
                )
            ],
        ),
        "no node took it: 0/3 nodes: Insufficient memory.; lower compute.cpu, memory or gpu",
        True,
    ),
    "refused": (
        pod(state=ended(1, message="[ 0.1 s] reading\nWindowEmpty: no rows\n")),
        "exit code 1: WindowEmpty: no rows",
        True,
    ),
    "silent": (pod(state=ended(3)), "exit code 3: it said nothing", True),
    "another path": (
        pod(phase="Succeeded", state=ended(0, "Completed")),
        "it ended well, but its result is not where Airflow looks: the run directory must be",
        False,
    ),
    "never started": (pod(phase="Unknown"), "it is Unknown and was given up", True),
}


@pytest.mark.parametrize("case", CASES)
def test_in_words(case: str) -> None:
    found, words, again = CASES[case]
    end = how_it_ended(found, COMPUTE)
    assert words in end.text
    assert end.again is again
