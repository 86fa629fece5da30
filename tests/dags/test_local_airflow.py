"""A real Airflow starts, answers, and ends with everything that it has started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from evergreen.domain.errors import AirflowNotReady
from evergreen.orchestration.local_airflow import LocalAirflow, stop_left_running

LEAVES_ONE_RUNNING = """
import sys
from pathlib import Path
from evergreen.orchestration.local_airflow import LocalAirflow
with LocalAirflow(Path(sys.argv[1]), keep=True) as airflow:
    print(airflow.url, flush=True)
"""


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
@pytest.mark.timeout(300)
def test_starts_answers_and_ends_everything(home: Path, add_model: Callable[..., str]) -> None:
    model, said = add_model(), []
    airflow_home = home / "airflow"
    with LocalAirflow(airflow_home, say=said.append) as airflow:
        airflow.api.wait_for_dags([f"{model}__monitor_hourly", f"{model}__retrain"])
        assert airflow.api.import_errors() == []
        assert airflow.api.health()["scheduler"] == "healthy"
        run_id = airflow.api.trigger(f"{model}__rollback", {"version": 1, "reason": "a test"})
        airflow.api.set_paused(f"{model}__rollback", paused=False)
        with pytest.raises(Exception, match="roll_back is failed"):
            airflow.api.wait_run(f"{model}__rollback", run_id, 60)
        assert (airflow_home / "passwords.json").stat().st_mode & 0o077 == 0
        assert airflow.password not in "".join(said)
        assert processes_of(airflow_home)
    assert processes_of(airflow_home) == []
    assert not (airflow_home / "running.json").exists()
    assert said[0] == "starting Airflow"


@pytest.mark.live
@pytest.mark.timeout(300)
def test_ends_with_its_parent_and_when_kept_at_the_next_start(
    home: Path, add_model: Callable[..., str]
) -> None:
    add_model()
    airflow_home = home / "airflow"
    starter = subprocess.run(
        [sys.executable, "-c", LEAVES_ONE_RUNNING, str(airflow_home)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert starter.returncode == 0, starter.stderr
    assert processes_of(airflow_home)
    assert stop_left_running(airflow_home) is True
    assert processes_of(airflow_home) == []
    assert stop_left_running(airflow_home) is False

    code = LEAVES_ONE_RUNNING.replace("keep=True", "keep=False") + "    import time; time.sleep(99)"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(airflow_home)], stdout=subprocess.PIPE
    ) as orphan_maker:
        assert orphan_maker.stdout is not None
        assert orphan_maker.stdout.readline().startswith(b"http://127.0.0.1:")
        orphan_maker.kill()  # SIGKILL: nothing of ours gets to run
    deadline = time.monotonic() + 30
    while processes_of(airflow_home) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(airflow_home) == []


def test_a_start_that_fails_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = LocalAirflow(home / "airflow", env={"AIRFLOW__CORE__EXECUTOR": "NoSuchExecutor"})
    monkeypatch.setattr(
        "evergreen.orchestration.local_airflow.LAUNCHER", "evergreen.no_such_module"
    )
    with pytest.raises(AirflowNotReady, match="No module named evergreen.no_such_module"):
        broken.__enter__()
    assert not (home / "airflow" / "running.json").exists()


def test_a_stale_note_of_a_running_airflow_ends_nobody(tmp_path: Path) -> None:
    note = tmp_path / "running.json"
    note.write_text(f'{{"url": "", "pid": {os.getpid()}, "started": 1.0}}')  # a pid used again
    assert stop_left_running(tmp_path) is False
    assert not note.exists()
