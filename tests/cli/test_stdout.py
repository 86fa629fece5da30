"""What a command prints is its own: Airflow, once imported, sends everybody's log to stdout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from evergreen.adapters.ledger import Ledger
from evergreen.orchestration.notifiers import notify  # as a command does that may tell people
from evergreen.orchestration.slack_access import open_slack
assert open_slack() is None
Ledger(f"sqlite:///{sys.argv[1]}/l.db").migrate()
print("airflow" in sys.modules)
"""


@pytest.mark.parametrize("airflow", [True, False])
def test_asking_for_slack_leaves_stdout_alone(tmp_path: Path, airflow: bool) -> None:
    env = {name: value for name, value in os.environ.items() if "AIRFLOW" not in name}
    env |= {"EVERGREEN_HOME": str(tmp_path), "HOME": str(tmp_path)}
    env |= {"AIRFLOW_HOME": str(tmp_path / "airflow")} if airflow else {}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{airflow}\n"), done.stderr[-2_000:]
    assert not (tmp_path / "airflow" / "airflow.db").exists()
