"""The servers that `demo --keep` leaves running, and how they end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from evergreen.config.settings import settings
from evergreen.orchestration.local_airflow import stop_left_running

MLFLOW_FILE = "mlflow_running.json"


def start_mlflow(home: Path) -> str:
    """Start MLflow's pages over the demo's registry on a free port, and return their URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = ["--backend-store-uri", settings().mlflow, "--workers", "1"]
    options += ["--host", "127.0.0.1", "--port", str(port)]
    with (home / "mlflow.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603  (our own command)
            [sys.executable, "-m", "mlflow", "server", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
        )
    body = {"pid": server.pid, "started": psutil.Process(server.pid).create_time()}
    (home / MLFLOW_FILE).write_text(json.dumps(body))
    return f"http://127.0.0.1:{port}"


def stop_servers(home: Path) -> None:
    """End the Airflow and the MLflow that an earlier demo left running."""
    stop_left_running(home / "airflow")
    try:
        left = json.loads((home / MLFLOW_FILE).read_text())
        server = psutil.Process(left["pid"])
        if server.create_time() == left["started"]:
            family = [server, *server.children(recursive=True)]
            for process in family:
                process.terminate()
            psutil.wait_procs(family, timeout=8)
    except (OSError, ValueError, psutil.NoSuchProcess):
        return
    (home / MLFLOW_FILE).unlink(missing_ok=True)
