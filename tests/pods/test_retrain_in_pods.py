"""The retrain DAG under a live Airflow, every step in a pod: object store, MLflow server, cluster.

The installation has no shared volume: pods get the store's credentials from a Kubernetes secret,
and Airflow reaches the cluster as the launcher, whose role is the one in docker/kubernetes/.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cluster
import fsspec
import psutil
import pytest
from kubernetes.client import CoreV1Api
from made_shop import (
    HOLDOUT_START,
    MODEL,
    Shop,
    land,
    landed_window,
    make_models,
    make_orders,
    spec_body,
)
from s3fs import S3FileSystem

from evergreen.adapters.installation import open_ledger, open_published, open_registry
from evergreen.config.settings import settings
from evergreen.orchestration.in_process import retrain
from evergreen.orchestration.local_airflow import LocalAirflow
from evergreen.trainer.manifest import RunDir
from servers import BUCKET, S3Server, mlflow_server, s3_server

pytestmark = [pytest.mark.live, pytest.mark.kubernetes, pytest.mark.timeout(900)]
ROOT = f"s3://{BUCKET}/shop"
DAG_ID = f"{MODEL}__retrain"
SECRET = "evergreen-steps"
STEPS = ("build_dataset", "train", "evaluate", "publish")
VARIANTS = ["fresh_24h", "recent_7d", "full_28d"]
WITH_VARIANTS = spec_body(train={"variants": VARIANTS}, compute={"memory": "1Gi"})


@dataclass
class InPods:
    """An installation whose champion recommends last season's sets."""

    airflow: LocalAirflow
    shop: Shop
    lives: cluster.Lives
    store: S3Server
    runs: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.airflow.api, name)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.airflow.api._call(method, f"/dags/{DAG_ID}/{path}", body)

    def tasks(self, run_id: str) -> dict[str, Any]:
        """Return the newest state of each task, mapped ones by their variant's place."""
        found = self.airflow.api.task_instances(DAG_ID, run_id)
        return {f"{t['task_id']}{'' if t['map_index'] < 0 else t['map_index']}": t for t in found}

    def limits(self, **compute: Any) -> None:
        """Change the model's `compute` section; the next pod has it."""
        body = spec_body(train={"variants": VARIANTS}, compute={"memory": "1Gi", **compute})
        make_models(self.shop.models_dir, body)


@pytest.fixture(scope="module")
def in_pods(
    image: str, launcher: Path, admin: CoreV1Api, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InPods]:
    folder, machine = tmp_path_factory.mktemp("in_pods"), own_address()
    with s3_server("0.0.0.0") as store, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", f"{machine}:*,127.0.0.1:*,localhost:*")
        with mlflow_server(folder / "mlflow", "0.0.0.0") as mlflow:
            credentials = store.environment() | {
                "AWS_ENDPOINT_URL": f"http://{machine}:{store.port}"
            }
            environment = {
                **credentials,
                "EVERGREEN_HOME": str(folder / "home"),
                "EVERGREEN_MODELS_DIR": str(folder / "models"),
                "EVERGREEN_LAKE_URL": f"{ROOT}/lake",
                "EVERGREEN_RUNS_URL": f"{ROOT}/runs",
                "EVERGREEN_PUBLISHED_URL": f"{ROOT}/published",
                "EVERGREEN_MLFLOW_URL": f"http://{machine}:{mlflow.port}",
                "EVERGREEN_COMPUTE": "kubernetes",
                "EVERGREEN_POD_IMAGE": image,
                "EVERGREEN_POD_SECRETS": SECRET,
                "EVERGREEN_POD_POLL_INTERVAL_S": "1",
                "EVERGREEN_POD_LOG_INTERVAL_S": "2",
                "EVERGREEN_KUBECONFIG": str(launcher),
            }
            for name, value in environment.items():
                patch.setenv(name, value)
            settings.cache_clear()
            S3FileSystem.clear_instance_cache()
            cluster.put_secret(admin, SECRET, **credentials)
            shop = Shop(
                folder / "home", folder / "lake", make_models(folder / "models", WITH_VARIANTS)
            )
            with cluster.Lives(admin) as lives, LocalAirflow(folder / "airflow") as airflow:
                found = InPods(airflow, shop, lives, store)
                last_season(shop)
                airflow.api.wait_for_dags([DAG_ID])
                airflow.api.set_paused(DAG_ID, paused=False)
                yield found
    settings.cache_clear()
    S3FileSystem.clear_instance_cache()


def own_address() -> str:
    """Return an address of this machine that processes and pods both reach."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family == socket.AF_INET and not one.address.startswith(("127.", "10.244.")):
                return str(one.address)
    pytest.skip("this machine has no address but loopback, so pods cannot reach its servers")


def last_season(shop: Shop) -> None:
    """Make a champion on sets that people no longer buy together, then land what they buy now.

    Its lists are older than the holdout, so it is judged by what it has been showing.
    """
    orders = make_orders()
    items = sorted(orders["item_id"].unique())
    others = dict(zip(items, items[::7] + [i for i in items if i not in items[::7]], strict=True))
    was = orders.with_columns(orders["item_id"].replace(others))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_LAKE_URL", str(shop.lake_url))
        settings.cache_clear()
        land(shop.lake, was, landed_window())
        said = retrain(shop.spec, until=HOLDOUT_START, reason="last season")
    assert said["released"] == {"version": 1, "fence": 1}, said
    settings.cache_clear()
    land(shop.lake, orders, landed_window())
    fsspec.filesystem("s3").put(f"{shop.lake_url}/", f"{ROOT}/lake/", recursive=True)


@pytest.fixture(scope="module")
def retrained(in_pods: InPods) -> str:
    """Run the DAG to its end and return the run's id."""
    run_id = in_pods.trigger(DAG_ID, {"reason": "the season has changed"})
    in_pods.wait_run(DAG_ID, run_id, timeout_s=400)
    return str(run_id)


def test_the_champion_changes(in_pods: InPods, retrained: str) -> None:
    tasks = in_pods.tasks(retrained)
    wanted = {*STEPS[:1], "train0", "train1", "train2", *STEPS[2:], "promote", "close_incident"}
    assert {name for name in wanted if tasks[name]["state"] == "success"} == wanted
    champion, current = open_ledger().champion(MODEL), open_published(in_pods.shop.spec).current()
    assert champion is not None
    assert current is not None
    assert (champion.version, current.version, open_registry().champion(MODEL)) == (2, 2, 2)


def test_each_step_had_one_pod_whose_uid_its_result_names(in_pods: InPods, retrained: str) -> None:
    run_dir = in_pods.xcom(DAG_ID, retrained, "freeze_window")["run_dir"]
    folders = [
        "build_dataset",
        *(f"train/{variant}" for variant in VARIANTS),
        "evaluate/champion=1",
        "publish/release=2",
    ]
    wrote = [json.loads(RunDir(run_dir).files.read(f"{f}/_SUCCESS"))["pod"] for f in folders]
    assert {pod["uid"] for pod in wrote} == set(in_pods.lives.pods)
    assert {pod["name"] for pod in wrote} == {p.name for p in in_pods.lives.pods.values()}
    in_pods.lives.until(lambda: all(pod.gone for pod in in_pods.lives.pods.values()))


def test_the_pods_log_is_the_tasks_log(in_pods: InPods, retrained: str) -> None:
    task = in_pods.tasks(retrained)["build_dataset"]
    said = "\n".join(in_pods.task_log(DAG_ID, retrained, task))
    assert "8/8 candidates" in said
    assert "train_rows: " in said


def test_no_secret_is_anywhere(in_pods: InPods, retrained: str) -> None:
    """In no pod's spec, no task's log, no rendered field; and it does reach the pod."""
    secrets = {
        in_pods.store.environment()["AWS_SECRET_ACCESS_KEY"],
        cluster.token_of(cluster.kubeconfig()),
    }
    shown = [str(pod.spec) for pod in in_pods.lives.pods.values()]
    for name, task in in_pods.tasks(retrained).items():
        shown.append("\n".join(in_pods.task_log(DAG_ID, retrained, task)))
        shown.append(json.dumps(task))  # rendered fields and the trigger are in it
        assert name not in STEPS or task["rendered_fields"]["run_dir"].startswith(ROOT)
    shown += [path.read_text(errors="replace") for path in logs(in_pods)]
    assert [text for text in shown for secret in secrets if secret in text] == []
    assert all("secret_ref" in text for text in shown[: len(in_pods.lives.pods)])


def test_a_cleared_step_has_its_result(in_pods: InPods, retrained: str) -> None:
    before = set(in_pods.lives.pods)
    body = {"dry_run": False, "dag_run_id": retrained, "task_ids": ["train"], "only_failed": False}
    in_pods.call("POST", "clearTaskInstances", body)
    in_pods.wait_run(DAG_ID, retrained)
    assert {t["state"] for n, t in in_pods.tasks(retrained).items() if n[:5] == "train"} == {
        "success"
    }
    assert set(in_pods.lives.pods) == before


def test_everything_of_airflow_is_killed_in_the_middle(in_pods: InPods, retrained: str) -> None:
    """Scheduler, triggerer, API server and workers at once; the pod goes on, and is found again."""
    before = set(in_pods.lives.pods)
    in_pods.limits(cpu=0.1)  # at work for longer than Airflow takes to come back
    run_id = in_pods.trigger(DAG_ID, {"force": True, "reason": "killed"})
    pod = started_pod(in_pods, before)
    kill_all(in_pods.airflow)
    in_pods.airflow.__enter__()
    in_pods.limits()
    in_pods.wait_run(DAG_ID, run_id, timeout_s=400)
    made = {uid: p for uid, p in in_pods.lives.pods.items() if uid not in before}
    assert [p.uid for p in made.values() if p.name == pod.name] == [pod.uid]
    assert len({p.name for p in made.values()}) == len(made)  # one for each step
    champion = open_ledger().champion(MODEL)
    assert champion is not None
    assert champion.version == 2  # the same data again: no better


def test_marked_as_failed_by_a_person(in_pods: InPods, retrained: str) -> None:
    before = set(in_pods.lives.pods)
    in_pods.limits(cpu=0.05)  # at work for longer than it takes to mark it
    run_id = in_pods.trigger(DAG_ID, {"force": True, "reason": "a mistake"})
    pod = started_pod(in_pods, before)
    in_pods.lives.until(lambda: in_pods.tasks(run_id)["build_dataset"]["state"] == "deferred")
    path = f"dagRuns/{run_id}/taskInstances/build_dataset"
    in_pods.call("PATCH", path, {"new_state": "failed"})
    in_pods.lives.until(lambda: pod.gone)
    run_dir = in_pods.xcom(DAG_ID, run_id, "freeze_window")["run_dir"]
    assert RunDir(run_dir).result("build_dataset") is None
    assert in_pods.tasks(run_id)["build_dataset"]["state"] == "failed"


def started_pod(in_pods: InPods, before: set[str]) -> cluster.PodLife:
    """Wait for a new pod at work."""

    def new() -> cluster.PodLife | None:
        pods = [p for uid, p in in_pods.lives.pods.items() if uid not in before]
        return next((pod for pod in pods if pod.started_at), None)

    found: cluster.PodLife = in_pods.lives.until(new)
    return found


def logs(in_pods: InPods) -> list[Path]:
    """Return everything that this Airflow has written."""
    return [path for path in (in_pods.airflow.home / "logs").rglob("*.log") if path.is_file()]


def kill_all(airflow: LocalAirflow) -> None:
    """SIGKILL every process of this Airflow at once: those of its session."""
    launcher = airflow._launcher
    assert launcher is not None
    mine = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(process.pid) == launcher.pid:
                mine.append(process)
    assert len(mine) > 5  # four components and their workers
    for process in mine:
        process.send_signal(signal.SIGSTOP)  # so that none notices the others' end
    for process in mine:
        process.kill()
    launcher.wait()
    psutil.wait_procs(mine, timeout=20)
