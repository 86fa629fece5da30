"""The process behind `LocalAirflow`: imports Airflow once, makes its database, forks the rest.

Started one by one, each of the five commands imports Airflow anew, 7 s of CPU each; forked from one
process they share that import, and Airflow is up in a third of the time. Run as
`python -m evergreen.orchestration.airflow_launcher LOGS [PARENT]`; with a parent's process id it
ends when that process is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": (),
    "dag-processor": (),
    "scheduler": ("--skip-serve-logs",),  # logs are read from disk; saves a server and its port
    "triggerer": ("--skip-serve-logs",),
}
POLL_S = 0.5
STOP_GRACE_S = 6  # from SIGTERM to SIGKILL


def launch(logs: Path, parent: int | None) -> int:
    """Run all components until one ends, the parent is gone or SIGTERM comes; return a status."""
    _prepare()
    children = {_fork(name, options, logs): name for name, options in COMPONENTS.items()}
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    try:
        return _watch(children, parent)
    finally:
        end_processes(children, STOP_GRACE_S)


def _prepare() -> None:
    """Import what components and tasks share, and bring the database to this version.

    Tasks are forked from the scheduler, so what is imported here they need not import again; on two
    cores that is a third of a monitor task.
    """
    from airflow.cli import cli_parser  # noqa: F401
    from airflow.configuration import write_default_airflow_configuration_if_needed
    from airflow.jobs import scheduler_job_runner, triggerer_job_runner  # noqa: F401
    from airflow.utils import db

    from evergreen.monitor import ctr, decide, drift, measure  # noqa: F401

    write_default_airflow_configuration_if_needed()
    db.initdb()


def _fork(name: str, options: tuple[str, ...], logs: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        log = os.open(logs / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ["airflow", name, *options]
        from airflow.__main__ import main

        main()
        status = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _watch(children: dict[int, str], parent: int | None) -> int:
    while parent is None or os.getppid() == parent:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in children:
            name = children.pop(pid)
            print(f"{name} ended with status {status}", flush=True)  # noqa: T201
            return 1
        time.sleep(POLL_S)
    return 0


def end_processes(pids: Iterable[int], grace_s: float) -> None:
    """End these processes and all their descendants: politely, then, after a while, for sure."""
    roots, family = [], []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            roots.append(psutil.Process(pid))
            family += [roots[-1], *roots[-1].children(recursive=True)]
    for root in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            root.terminate()
    _, alive = psutil.wait_procs(family, timeout=grace_s)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=grace_s)


def _leave(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(launch(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
