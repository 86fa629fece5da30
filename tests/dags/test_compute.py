"""A local step is a process group of its own that ends with its task, and says why it failed."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow.sdk import DAG

from evergreen.adapters.installation import spec_of
from evergreen.config.settings import settings
from evergreen.domain.errors import StepFailed
from evergreen.orchestration import compute
from evergreen.orchestration.compute import KubernetesStep, LocalStep, mapped_step, step_task


class Script(LocalStep):
    """A local step that runs a script instead of `evergreen step`."""

    script = ""

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-c", self.script, *self.command]


def step(script: str = "", **options: Any) -> Script:
    with DAG("shop__retrain"):
        options = {"arguments": {"variant": "full_28d"}, **options}
        found = Script(task_id="train", model="shop", step="train", run_dir="/runs/abc", **options)
    found.script = script
    return found


def test_command_line() -> None:
    found = LocalStep(
        task_id="t",
        model="shop",
        step="publish",
        run_dir="/runs/abc",
        arguments={"version": "7", "fence": "2"},
    )
    words = ["step", "publish", "--run-dir", "/runs/abc", "--version", "7", "--fence", "2"]
    assert found.command == words
    assert found.argv == [sys.executable, "-m", "evergreen.cli", *words]


def test_result_says_where_the_manifest_is_and_what_was_asked() -> None:
    found = step("print('done')", arguments={"variant": "recent_7d"}).execute({})
    manifest = "/runs/abc/train/recent_7d/_SUCCESS"
    assert found == {"manifest": manifest, "arguments": {"variant": "recent_7d"}}


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (
            "print('one'); print('WindowEmpty: no rows'); raise SystemExit(1)",
            "step train of /runs/abc ended with exit code 1: WindowEmpty: no rows",
        ),
        ("raise SystemExit(3)", "step train of /runs/abc ended with exit code 3: it said nothing"),
        (
            "import os, signal; print('row 5', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
            "step train of /runs/abc was killed (SIGKILL; out of memory?): row 5",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
            "step train of /runs/abc was ended by signal 15: it said nothing",
        ),
    ],
)
def test_failures_in_words(script: str, text: str) -> None:
    with pytest.raises(StepFailed) as failed:
        step(script).execute({})
    assert str(failed.value) == text


def test_stderr_counts_as_what_was_said() -> None:
    with pytest.raises(StepFailed, match="exit code 1: FileCorrupt: x"):
        step("import sys; print('FileCorrupt: x', file=sys.stderr); sys.exit(1)").execute({})


GRANDCHILD = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
pathlib.Path({file!r}).write_text(str(child.pid))
time.sleep(60)
"""


def test_killing_the_task_ends_the_whole_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "TERMINATION_GRACE_S", 0.2)
    file = tmp_path / "pid"
    found = step(GRANDCHILD.format(file=str(file)))
    errors: list[Exception] = []

    def run() -> None:
        try:
            found.execute({})
        except StepFailed as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not (file.exists() and file.read_text()):
        time.sleep(0.02)
    grandchild = psutil.Process(int(file.read_text()))
    found.on_kill()  # ignores SIGTERM, so SIGKILL has to do
    thread.join(20)
    assert not thread.is_alive()
    assert "was killed" in str(errors[0])
    psutil.wait_procs([grandchild], timeout=10)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


def test_on_kill_without_a_process_does_nothing() -> None:
    step().on_kill()


def test_a_step_left_over_in_its_group_ends_too(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child.pid))"
    )
    step(script).execute({})
    pid = int(file.read_text())
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_backend_is_a_setting(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(add_model(compute={"timeout": "2h"}))
    with DAG("shop__retrain"):
        local = step_task(spec, "evaluate", run_dir="/runs/abc")
        monkeypatch.setenv("EVERGREEN_COMPUTE", "kubernetes")
        settings.cache_clear()
        pod = step_task(spec, "publish", run_dir="/runs/abc")
        mapped = mapped_step(spec, "train", [{"variant": "full_28d"}], run_dir="/runs/abc")
    assert (type(local), type(pod)) == (LocalStep, KubernetesStep)
    assert mapped.operator_class is KubernetesStep
    assert local.execution_timeout.total_seconds() == 7_200
    assert (local.retries, pod.retries) == (1, 3)


def test_the_real_command_reports_its_error(home: Path) -> None:
    found = LocalStep(task_id="t", model="shop", step="train", run_dir=str(home / "runs" / "none"))
    with pytest.raises(StepFailed, match=r"step train of .* ended with exit code 1: \w+: "):
        found.execute({})
