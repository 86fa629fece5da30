"""A real Airflow starts, answers, and ends with everything that it has started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
import pytest

from evergreen.domain.errors import AirflowNotReady, DagRunFailed
from evergreen.orchestration import airflow_launcher
from evergreen.orchestration.airflow_api import AirflowApi
from evergreen.orchestration.local_airflow import LocalAirflow, stop_left_running

STARTER = """
import sys, time
from pathlib import Path
from evergreen.orchestration.local_airflow import LocalAirflow
with LocalAirflow(Path(sys.argv[1])) as airflow:
    print(airflow.url, flush=True)
    time.sleep(600)
"""


@contextmanager
def started(code: str, argument: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python code in a process and session of its own, which do not outlive the test."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, argument],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the processes that run with this Airflow home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("AIRFLOW_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


@pytest.mark.live
@pytest.mark.timeout(400)
def test_answers_and_ends_with_its_parent(home: Path, add_model: Callable[..., str]) -> None:
    dag_id, airflow_home = f"{add_model()}__rollback", home / "airflow"
    with started(STARTER, str(airflow_home)) as starter:
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        password = (airflow_home / "password").read_text()
        api = AirflowApi(url, user="admin", password=password)
        api.wait_for_dags([dag_id])
        assert api.import_errors() == []
        assert set(api.health().values()) == {"healthy"}
        run_id = api.trigger(dag_id, {"version": 1, "reason": "a test"})
        api.set_paused(dag_id, paused=False)
        with pytest.raises(
            DagRunFailed, match=r"(?s)roll_back is failed:\n.*nothing was released yet"
        ):
            api.wait_run(dag_id, run_id, 120)
        assert (airflow_home / "passwords.json").stat().st_mode & 0o077 == 0
        assert processes_of(airflow_home)
        starter.kill()  # SIGKILL: nothing of the parent gets to run
    deadline = time.monotonic() + 60
    while processes_of(airflow_home) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(airflow_home) == []


def sleeper(*, with_child: bool = False) -> AbstractContextManager[subprocess.Popen[str]]:
    """Start a process that ignores SIGTERM, in a session of its own, maybe with such a child."""
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]]);"
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    return started((child if with_child else "") + code, code)


def test_stopping_ends_what_was_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergreen.orchestration.local_airflow.STOP_GRACE_S", 0.3)
    with sleeper(with_child=True) as left:
        leader = psutil.Process(left.pid)
        while not leader.children():
            time.sleep(0.02)
        family = [leader, *leader.children()]
        note = {"url": "", "pid": left.pid, "started": leader.create_time()}
        (tmp_path / "running.json").write_text(json.dumps(note))
        assert stop_left_running(tmp_path) is True
        assert [p for p in family if p.is_running() and p.status() != "zombie"] == []
    assert stop_left_running(tmp_path) is False


def test_the_launcher_ends_when_a_component_does(capfd: pytest.CaptureFixture[str]) -> None:
    pid = os.fork()
    if not pid:
        os._exit(3)
    assert airflow_launcher._watch({pid: "scheduler"}, None) == 1
    assert capfd.readouterr().out.startswith("scheduler ended with status")


def test_the_launcher_ends_when_its_parent_is_gone() -> None:
    assert airflow_launcher._watch({}, parent=1) == 0


def test_a_start_that_fails_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = LocalAirflow(home / "airflow", env={"AIRFLOW__CORE__EXECUTOR": "NoSuchExecutor"})
    monkeypatch.setattr(
        "evergreen.orchestration.local_airflow.LAUNCHER", "evergreen.no_such_module"
    )
    with pytest.raises(AirflowNotReady, match="No module named evergreen"):
        broken.__enter__()
    assert not (home / "airflow" / "running.json").exists()


def test_a_stale_note_of_a_running_airflow_ends_nobody(tmp_path: Path) -> None:
    note = tmp_path / "running.json"
    note.write_text(f'{{"url": "", "pid": {os.getpid()}, "started": 1.0}}')  # a pid used again
    assert stop_left_running(tmp_path) is False
    assert not note.exists()
