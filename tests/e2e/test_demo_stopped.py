"""How the demo ends: nothing of it runs on. The last file that looks at the kept demo."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from kept_demo import Told, command, processes_of, stop

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


def test_what_was_kept_ends_when_it_is_told_to(told: Told) -> None:
    assert processes_of(told.home)
    assert "nothing of the demo is running" in stop(told.home)
    assert processes_of(told.home) == []


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """Interrupted while Airflow starts, the demo ends its whole process family."""
    process = subprocess.Popen(
        command("--out", str(tmp_path / "out")),
        env={**os.environ, "EVERGREEN_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "starting Airflow" in line:
            break
    time.sleep(4)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert processes_of(tmp_path / "demo") == []
