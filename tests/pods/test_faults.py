"""Every fault of docs/faults.md on a real cluster: one training at a time, and no result lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from attempts import Attempts
from cluster import NAMESPACE, Lives
from kubernetes.client import CoreV1Api

from evergreen.config.settings import settings
from evergreen.domain.errors import StepFailed
from evergreen.orchestration import step_pod
from evergreen.trainer.manifest import RunDir

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]  # the image, the first time
Fresh = Callable[..., Attempts]
STEP = "build_dataset"
SLOW = {"cpu": 0.25}  # some seconds from start to result, so that there is a middle
ENDLESS = {"cpu": 0.05}  # more than half a minute: for pods that a fault ends


def manifest_of(run: Attempts, folder: str = STEP) -> dict[str, Any]:
    """Return what `_SUCCESS` says."""
    return dict(json.loads(RunDir(run.run_dir).files.read(f"{folder}/_SUCCESS")))


def test_a_step_runs_in_a_pod_that_is_gone_afterwards(fresh: Fresh, lives: Lives) -> None:
    run = fresh(STEP)
    found = run.run()
    assert found == {"manifest": f"{run.run_dir}/{STEP}/_SUCCESS", "arguments": {}}
    (pod,) = lives.of(STEP)
    assert manifest_of(run)["pod"] == {"name": pod.name, "uid": pod.uid}
    lives.until(lambda: pod.gone)
    assert run.run() == found  # a retry, or a cleared task: no pod
    assert len(lives.pods) == 1


def test_a_killed_worker_leaves_a_pod_that_the_retry_adopts(fresh: Fresh, lives: Lives) -> None:
    run = fresh(STEP, **SLOW)
    run.start()  # and the worker is gone before Airflow hears that it deferred
    lives.until(lambda: lives.of(STEP)[:1] and lives.of(STEP)[0].started_at)
    run.run()
    (pod,) = lives.of(STEP)
    assert manifest_of(run)["pod"]["uid"] == pod.uid


def test_a_worker_that_is_killed_after_the_pod_has_ended(fresh: Fresh, lives: Lives) -> None:
    run = fresh(STEP)
    run.wait(run.start())  # the event is lost with the worker that should have taken it
    (pod,) = lives.of(STEP)
    assert not pod.gone
    run.run()
    assert len(lives.pods) == 1
    lives.until(lambda: pod.gone)


def test_a_second_trigger_of_the_same_window_waits_for_the_first(
    fresh: Fresh, lives: Lives
) -> None:
    run = fresh(STEP, **SLOW)
    other = replace(run, run_id="manual__2", tries=0)  # another DAG run, or another Airflow
    with ThreadPoolExecutor(2) as both:
        deferred = list(both.map(lambda asked: asked.start(), (run, other)))
    events = [run.wait(d) for d in deferred]
    assert [event["status"] for event in events] == ["success", "success"]
    first, second = (r.resume(d, e) for r, d, e in zip((run, other), deferred, events, strict=True))
    assert first == second
    assert len(lives.pods) == 1


def test_a_killed_triggerer_is_followed_by_another(fresh: Fresh, lives: Lives) -> None:
    run = fresh(STEP, **SLOW)
    deferred = run.start()

    async def killed() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(run.trigger(deferred).run()), 1)

    asyncio.run(killed())
    run.finish(deferred)  # from what Airflow's database keeps
    assert len(lives.pods) == 1


def test_a_pod_that_is_deleted_is_made_again_by_the_retry(
    fresh: Fresh, lives: Lives, admin: CoreV1Api
) -> None:
    run = fresh(STEP, **ENDLESS)
    deferred = run.start()
    first = lives.until(lambda: next((p for p in lives.of(STEP) if p.started_at), None))
    admin.delete_namespaced_pod(first.name, NAMESPACE, grace_period_seconds=5)
    with pytest.raises(StepFailed, match=r"ended from outside|the pod is gone"):
        run.finish(deferred)
    run.limits()
    run.run()
    assert [p.uid for p in lives.of(STEP)] == [first.uid, manifest_of(run)["pod"]["uid"]]
    assert lives.never_two_at_once(STEP)


def test_a_retry_waits_until_the_pod_that_is_ending_is_gone(
    fresh: Fresh, lives: Lives, admin: CoreV1Api
) -> None:
    """Until then it may be at work, though nobody follows it any more."""
    run = fresh(STEP, **ENDLESS)
    run.start()
    first = lives.until(lambda: next((p for p in lives.of(STEP) if p.started_at), None))
    admin.delete_namespaced_pod(first.name, NAMESPACE, grace_period_seconds=5)
    run.limits()
    run.run()
    assert manifest_of(run)["pod"]["uid"] != first.uid
    assert len(lives.of(STEP)) == 2
    assert lives.never_two_at_once(STEP)


def test_marked_as_failed_while_it_waits(fresh: Fresh, lives: Lives) -> None:
    """The triggerer calls its trigger's `on_kill` (Airflow 3.3): its own pod goes, no other."""
    run = fresh(STEP, **ENDLESS)
    deferred = run.start()
    first = lives.until(lambda: next((p for p in lives.of(STEP) if p.started_at), None))
    trigger = run.trigger(deferred)
    asyncio.run(trigger.on_kill())
    lives.until(lambda: first.gone)
    run.limits(**SLOW)
    second = run.start()
    asyncio.run(trigger.on_kill())  # late, and about another pod of this name
    run.finish(second)
    assert len(lives.of(STEP)) == 2
    assert lives.never_two_at_once(STEP)


def test_marked_as_failed_while_it_waits_for_the_pod_before(
    fresh: Fresh, lives: Lives, admin: CoreV1Api, held: Callable[[str], None]
) -> None:
    """Airflow calls `on_kill` once and lets the task go on: it must not start a pod then."""
    run = fresh(STEP, **ENDLESS)
    run.start()
    first = lives.until(lambda: next(iter(lives.of(STEP)), None))
    held(first.name)
    admin.delete_namespaced_pod(first.name, NAMESPACE, grace_period_seconds=1)
    task = run.task()
    with ThreadPoolExecutor(1) as worker:
        waiting = worker.submit(task.execute, run._context())
        time.sleep(3)
        assert not waiting.done()
        task.on_kill()
        with pytest.raises(StepFailed, match="the task was told to end"):
            waiting.result(timeout=60)
    assert len(lives.of(STEP)) == 1


def test_a_pod_that_does_not_go_is_told_with_what_to_do(
    fresh: Fresh,
    lives: Lives,
    admin: CoreV1Api,
    held: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a node that was cut off, whose kubelet cannot say that the pod has ended."""
    run = fresh(STEP, **ENDLESS)
    run.start()
    first = lives.until(lambda: next(iter(lives.of(STEP)), None))
    held(first.name)
    admin.delete_namespaced_pod(first.name, NAMESPACE, grace_period_seconds=1)
    monkeypatch.setattr(step_pod, "GONE_WITHIN_S", 3)
    with pytest.raises(StepFailed, match=r"may still be at work; .* --force --grace-period=0"):
        run.start()
    assert len(lives.of(STEP)) == 1


def test_a_pod_that_was_replaced_is_not_mistaken(
    fresh: Fresh, lives: Lives, admin: CoreV1Api
) -> None:
    """Two runs follow one pod; it is deleted, and one has made another when the second looks."""
    run = fresh(STEP, **ENDLESS)
    other = replace(run, run_id="manual__2", tries=0)
    ours, theirs = run.start(), other.start()
    first = lives.until(lambda: next((p for p in lives.of(STEP) if p.started_at), None))
    admin.delete_namespaced_pod(first.name, NAMESPACE, grace_period_seconds=1)
    event = {"status": "timeout", "name": first.name, "namespace": NAMESPACE, "message": "late"}
    with pytest.raises(StepFailed, match=r"ended from outside|the pod is gone"):
        run.finish(ours)
    run.limits(**SLOW)
    ours = run.start()
    with pytest.raises(StepFailed, match="its pod is gone, and another run has started one"):
        other.resume(theirs, event)
    run.finish(ours)  # untouched
    assert len(lives.of(STEP)) == 2


def test_marked_as_failed_while_it_works(fresh: Fresh, lives: Lives) -> None:
    run = fresh(STEP, **ENDLESS)
    run.start()
    first = lives.until(lambda: next((p for p in lives.of(STEP) if p.started_at), None))
    run.task().on_kill()  # a worker's process is told to stop
    lives.until(lambda: first.gone)
    assert not RunDir(run.run_dir).files.exists(f"{STEP}/_SUCCESS")


def test_out_of_memory_says_which_limit_to_raise(
    fresh: Fresh, lives: Lives, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fresh(STEP, memory="24Mi")
    with pytest.raises(AirflowFailException) as caught:  # no retry: it would end the same way
        run.run()
    assert "took more than compute.memory (24Mi); raise compute.memory" in str(caught.value)
    assert (
        "Pod Event: Started - Started container step" in capsys.readouterr().out
    )  # told on failure
    lives.until(lambda: lives.of(STEP)[0].gone)


def test_evicted_says_which_limit_to_raise(fresh: Fresh, lives: Lives) -> None:
    run = fresh(STEP, scratch="4Ki", **ENDLESS)  # the node looks every ten seconds
    with pytest.raises(AirflowFailException) as caught:
        run.run()
    assert "evicted: " in str(caught.value)
    assert "more than compute.scratch (4Ki); raise compute.scratch" in str(caught.value)


def test_too_slow_is_ended(fresh: Fresh, lives: Lives) -> None:
    run = fresh(STEP, cpu=0.1, timeout="0h")
    with pytest.raises(AirflowFailException, match=r"raise compute.timeout in model.yaml"):
        run.run()
    lives.until(lambda: lives.of(STEP)[0].gone)


def test_a_failed_pod_is_kept_when_asked_and_removed_by_the_next(
    fresh: Fresh, lives: Lives, admin: CoreV1Api
) -> None:
    run = fresh(STEP, memory="24Mi", keep_failed_pods=True)
    with pytest.raises(AirflowFailException):
        run.run()
    (first,) = lives.of(STEP)
    assert admin.read_namespaced_pod_status(first.name, NAMESPACE).status.phase == "Failed"
    again = fresh(STEP)  # more memory; another run of the same model
    again.run()
    assert len(lives.of(STEP)) == 2
    lives.until(lambda: first.gone)


def test_an_orphan_of_another_run_is_ended(fresh: Fresh, lives: Lives) -> None:
    """Nobody follows it any more: its task was failed while no triggerer ran, say."""
    fresh(STEP, **ENDLESS).start()
    orphan = lives.until(lambda: next(iter(lives.of(STEP)), None))
    time.sleep(1)  # the cluster tells a pod's age in whole seconds
    fresh(STEP).run()  # this model's next run
    lives.until(lambda: orphan.gone)
    assert len(lives.of(STEP)) == 2


def test_an_older_run_leaves_younger_pods_alone(fresh: Fresh, lives: Lives) -> None:
    """Two runs of a model at once, a backfill's and the scheduler's: neither ends the other's."""
    older, younger = fresh(STEP), fresh(STEP)
    deferred = younger.start()
    older.run()
    younger.finish(deferred)
    assert len(lives.of(STEP)) == 2


def test_a_step_that_refuses_says_why(fresh: Fresh, lives: Lives) -> None:
    run = fresh("train", arguments={"variant": "full_28d"})
    with pytest.raises(StepFailed, match=r"exit code 1: ManifestInvalid: .* has no _SUCCESS: run"):
        run.run()


def test_an_image_that_is_not_there(
    fresh: Fresh, lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_POD_IMAGE", "localhost/nobody-built-this:1")
    monkeypatch.setenv("EVERGREEN_POD_START_TIMEOUT_S", "6")
    settings.cache_clear()
    with pytest.raises(AirflowFailException, match=r"its image cannot be had: .*compute.image"):
        fresh(STEP).run()


def test_a_pod_that_no_node_can_take(
    fresh: Fresh, lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_POD_START_TIMEOUT_S", "3")
    settings.cache_clear()
    with pytest.raises(StepFailed, match=r"no node took it: .*Insufficient cpu.*compute.cpu"):
        fresh(STEP, cpu=64).run()
    lives.until(lambda: lives.of(STEP)[0].gone)
