"""A pod's log in the task's: every line, and while it is streamed each once."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from cluster import NAMESPACE, Lives
from kubernetes.client import CoreV1Api

from evergreen.orchestration.step_pod import told_from
from evergreen.orchestration.step_pod_trigger import EveryLine

LINES = 200
COUNT = (
    f"import time\nfor i in range({LINES}): print(f'line {{i:03}}', flush=True); time.sleep(0.04)"
)


@pytest.mark.kubernetes
@pytest.mark.timeout(900)  # the image, the first time
def test_every_line_is_told(
    lives: Lives,
    admin: CoreV1Api,
    launcher: Path,
    image: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pod = admin.create_namespaced_pod(NAMESPACE, counting(image))
    lives.until(lambda: phase(admin) != "Pending")

    async def streamed() -> datetime:
        kubeconfig = yaml.safe_load(launcher.read_text())
        hook = AsyncKubernetesHook(conn_id=None, in_cluster=False, config_dict=kubeconfig)
        reader, last = EveryLine(async_hook=hook), None
        reader._log = logging.getLogger("told")  # Airflow's own goes past caplog
        for _ in range(5):
            last = await reader.fetch_container_logs_before_current_sec(
                pod, container_name="step", since_time=last
            )
            await asyncio.sleep(1.3)
        assert last is not None
        return last

    with caplog.at_level("INFO", "told"):
        last = asyncio.run(streamed())
    told = re.findall(r"line \d{3}", caplog.text)
    assert told == [f"line {number:03}" for number in range(len(told))]
    assert len(told) > LINES / 4
    lives.until(lambda: phase(admin) == "Succeeded")
    again = told_from({"last_log_time": last})["last_log_time"]
    seconds = math.ceil((datetime.now(tz=UTC) - again).total_seconds())  # as the provider asks
    rest = admin.read_namespaced_pod_log(
        "counting", NAMESPACE, container="step", since_seconds=seconds
    )
    assert {*told, *re.findall(r"line \d{3}", rest)} == {f"line {i:03}" for i in range(LINES)}


def test_an_event_without_a_log_stays_as_it_is() -> None:
    event = {"status": "success", "name": "a"}
    assert told_from(event) == event
    now = datetime(2011, 5, 2, tzinfo=UTC)
    assert told_from({"last_log_time": now})["last_log_time"] < now - timedelta(seconds=1)


def phase(admin: CoreV1Api) -> str:
    return str(admin.read_namespaced_pod("counting", NAMESPACE).status.phase)


def counting(image: str) -> dict[str, object]:
    container = {"name": "step", "image": image, "command": ["python", "-c", COUNT]}
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [container],
    }
    return {"metadata": {"name": "counting"}, "spec": spec}
