"""Starts and stops a real Airflow on this machine, for the demo and the live tests.

One launcher (`airflow_launcher.py`) with the four components as its children, in a process group of
its own, bound to 127.0.0.1 on a free port, all state below one folder. This module imports no
Airflow.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from evergreen.config.settings import PROJECT
from evergreen.domain.errors import AirflowNotReady
from evergreen.orchestration import airflow_settings
from evergreen.orchestration.airflow_api import AirflowApi
from evergreen.orchestration.airflow_launcher import end_processes

START_TIMEOUT_S = 240
STOP_GRACE_S = 10  # more than the launcher gives its components
LOG_TAIL_LINES = 20
LAUNCHER = "evergreen.orchestration.airflow_launcher"
USER = "admin"

Say = Callable[[str], None]


class LocalAirflow:
    """A context manager around a running Airflow; `api` talks to it.

    Args:
        home: Airflow's home: configuration, database, logs, DAGs' state.
        env: Environment of all components and of their tasks, over this process's own:
            `EVERGREEN_HOME` and the like.
        say: Told about progress.
        keep: Leave it running on leaving the context, unless an error ends it.

    Raises:
        AirflowNotReady: on entering, when a component ends or is not healthy in time; the text has
            the tail of its log.
    """

    def __init__(
        self,
        home: Path,
        *,
        env: Mapping[str, str] | None = None,
        say: Say = lambda _: None,
        keep: bool = False,
    ) -> None:
        self.home = home
        self.keep = keep
        self._say = say
        self._launcher: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        self.password = _secret(home / "password", lambda: secrets.token_urlsafe(12))
        self._env = {**os.environ, **self._configuration(), **(env or {})}
        self.url = f"http://127.0.0.1:{self._port}"
        self.api = AirflowApi(self.url, user=USER, password=self.password)

    def __enter__(self) -> LocalAirflow:
        stop_left_running(self.home)
        atexit.register(self.stop)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self.keep and error is None:
            atexit.unregister(self.stop)
            self.api.close()
            return
        self.stop()

    def start(self) -> None:
        """Start the launcher and wait until every component is healthy."""
        started = time.monotonic()
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        _write_private(self.home / "passwords.json", json.dumps({USER: self.password}))
        self._say("starting Airflow")
        self._launcher = self._spawn()
        self._remember(self._launcher.pid)
        self._wait_until_healthy(self._launcher, started + START_TIMEOUT_S)
        for pool in airflow_settings.pools():
            self.api.put_pool(pool.name, pool.slots, pool.description)
        self._say(f"Airflow is up after {time.monotonic() - started:.0f} s: {self.url}")

    def stop(self) -> None:
        """End every component, every task and every step that they have started."""
        atexit.unregister(self.stop)
        self.api.close()
        if self._launcher is not None:
            _end(self._launcher.pid)
            self._launcher.wait()
            self._launcher = None
            (self.home / "running.json").unlink(missing_ok=True)

    def log_tail(self, component: str) -> str:
        """Return the last lines that a component has written."""
        path = self.home / "logs" / f"{component}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _configuration(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self._port}"
        fernet_key = _secret(
            self.home / "fernet_key", lambda: base64.urlsafe_b64encode(os.urandom(32)).decode()
        )
        key = _secret(self.home / "secret_key", lambda: secrets.token_hex(32))
        options = {
            "CORE__DAGS_FOLDER": PROJECT / "dags",
            "CORE__PLUGINS_FOLDER": PROJECT / "plugins",
            "CORE__LOAD_EXAMPLES": False,
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": 4,
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": True,
            "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "CORE__FERNET_KEY": fernet_key,
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": self.home / "passwords.json",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            "API__HOST": "127.0.0.1",
            "API__PORT": self._port,
            "API__BASE_URL": url,
            "API__WORKERS": 1,
            "API__SECRET_KEY": key,
            "API_AUTH__JWT_SECRET": key,
            "LOGGING__BASE_LOG_FOLDER": self.home / "logs",
            "LOGGING__COLORED_CONSOLE_LOG": False,
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.2,  # seconds that every task would wait
            "DAG_PROCESSOR__PARSING_PROCESSES": 2,
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 60,  # parsing competes with the tasks
            "USAGE_DATA_COLLECTION__ENABLED": False,
        }
        return {
            "AIRFLOW_HOME": str(self.home),
            **{f"AIRFLOW__{name}": str(value) for name, value in options.items()},
            **airflow_settings.environment(),
        }

    def _spawn(self) -> subprocess.Popen[bytes]:
        parent = [] if self.keep else [str(os.getpid())]
        with (self.home / "logs" / "launcher.log").open("wb") as output:
            return subprocess.Popen(  # noqa: S603  (our own command)
                [sys.executable, "-m", LAUNCHER, str(self.home / "logs"), *parent],
                env=self._env,
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_until_healthy(self, launcher: subprocess.Popen[bytes], deadline: float) -> None:
        waiting_for: list[str] = []
        while True:
            if launcher.poll() is not None:
                raise AirflowNotReady(f"Airflow ended at once:\n{self._tail_of_culprit()}")
            health = self.api.health()
            unhealthy = sorted(n.replace("_", "-") for n, s in health.items() if s != "healthy")
            if health and not unhealthy:
                return
            if time.monotonic() > deadline:
                culprit = unhealthy[0] if health else "api-server"
                raise AirflowNotReady(
                    f"{culprit} is not healthy after {START_TIMEOUT_S} s:\n{self.log_tail(culprit)}"
                )
            if health and unhealthy != waiting_for:
                waiting_for = unhealthy
                self._say(f"waiting for {', '.join(unhealthy)}")
            time.sleep(0.3)

    def _tail_of_culprit(self) -> str:
        said = self.log_tail("launcher")
        name = said.rpartition("\n")[2].partition(" ended with status")[0]
        return f"{said}\n{self.log_tail(name)}"

    def _remember(self, pid: int) -> None:
        left = {"url": self.url, "pid": pid, "started": _started(pid)}
        _write_private(self.home / "running.json", json.dumps(left))


def stop_left_running(home: Path) -> bool:
    """End an Airflow that was left running with this home; return whether there was one."""
    try:
        left: dict[str, Any] = json.loads((home / "running.json").read_text())
    except (OSError, ValueError):
        return False
    running = left["started"] is not None and _started(left["pid"]) == left["started"]
    if running:
        _end(left["pid"])
    (home / "running.json").unlink(missing_ok=True)
    return running


def _end(launcher: int) -> None:
    """End a launcher with all that it has started; one that was killed leaves only its group."""
    end_processes([launcher], STOP_GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(launcher, signal.SIGKILL)


def _started(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret that is kept in this file, made on first use."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_private(path, make())
    return path.read_text()


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
        file.write(text)
