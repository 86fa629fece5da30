"""Airflow's REST API, as far as our own commands and tests need it (the CLI takes 7 s a call)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import httpx

from evergreen.domain.errors import AirflowNotReady, DagRunFailed

POLL_S = 0.5
LOCK_RETRIES = 60  # two minutes: SQLite answers 503 while another component writes
READ_RETRIES = 3  # a busy machine may leave a question without an answer; reading is safe to repeat
LOG_LINES = 15
ENDED = ("success", "failed")

Json = dict[str, Any]


class AirflowApi:
    """A client of one Airflow.

    Args:
        url: Where its API server listens, for example `http://127.0.0.1:8080`.
        user: Of the simple auth manager.
        password: Of the same.

    Raises:
        AirflowNotReady: by every method, when the API cannot be reached or refuses.
    """

    def __init__(self, url: str, *, user: str, password: str) -> None:
        self.url = url
        self._credentials = {"username": user, "password": password}
        self._client = httpx.Client(base_url=url, timeout=30)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def health(self) -> dict[str, str]:
        """Return the status of each component, `{}` while the API does not answer."""
        try:
            answer = self._client.get("/api/v2/monitor/health", timeout=5)
            parts: Json = answer.json()
        except (httpx.HTTPError, ValueError):
            return {}
        return {name: str((part or {}).get("status")) for name, part in parts.items()}

    def put_pool(self, name: str, slots: int, description: str) -> None:
        """Create the pool; one that is there keeps its slots.

        A task that waits for its pod keeps its slot, or the pool would bound nothing.
        """
        body = {
            "name": name,
            "slots": slots,
            "description": description,
            "include_deferred": True,
        }
        self._call("POST", "/pools", body, accept=(409,))

    def dag_ids(self) -> set[str]:
        """Return the DAGs that have been parsed."""
        return {dag["dag_id"] for dag in self._call("GET", "/dags?limit=1000")["dags"]}

    def import_errors(self) -> list[str]:
        """Return file and error of every DAG file that could not be parsed."""
        found = self._call("GET", "/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in found]

    def wait_for_dags(self, dag_ids: Collection[str], timeout_s: float = 60) -> None:
        """Wait until all of these DAGs have been parsed."""
        self._wait(
            lambda: set(dag_ids) <= self.dag_ids(),
            timeout_s,
            lambda: (
                f"DAGs {sorted(set(dag_ids) - self.dag_ids())} not parsed: "
                f"{self.import_errors() or 'no import error; is EVERGREEN_MODELS_DIR right?'}"
            ),
        )

    def set_paused(self, dag_id: str, *, paused: bool) -> None:
        """Switch a DAG's schedule off or on."""
        self._call("PATCH", f"/dags/{dag_id}", {"is_paused": paused})

    def trigger(
        self, dag_id: str, conf: Json | None = None, *, logical_date: datetime | None = None
    ) -> str:
        """Start a run by hand and return its id."""
        moment = logical_date.isoformat() if logical_date else None
        body = {"conf": conf or {}, "logical_date": moment}
        return str(self._call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def dag_runs(self, dag_id: str) -> list[Json]:
        """Return the runs of a DAG, oldest first."""
        path = f"/dags/{dag_id}/dagRuns?limit=1000&order_by=run_after"
        return list(self._call("GET", path)["dag_runs"])

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run with its task instances."""
        self._call("DELETE", f"/dags/{dag_id}/dagRuns/{run_id}")

    def task_instances(self, dag_id: str, run_id: str) -> list[Json]:
        """Return the task instances of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=1000"
        return list(self._call("GET", path)["task_instances"])

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return what a task returned."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._call("GET", path + "?deserialize=true")["value"]

    def form(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """Return the form that a task waits for, with its answer once there is one."""
        return self._call("GET", _form_path(dag_id, run_id, task_id))

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str, **fields: Any) -> Json:
        """Answer the form that a task waits for."""
        body = {"chosen_options": [option], "params_input": fields}
        return self._call("PATCH", _form_path(dag_id, run_id, task_id), body)

    def asset_events(self) -> list[Json]:
        """Return every asset event, oldest first."""
        path = "/assets/events?limit=1000&order_by=timestamp"
        return list(self._call("GET", path)["asset_events"])

    def wait_run(self, dag_id: str, run_id: str, timeout_s: float = 300) -> Json:
        """Wait until a run has ended well and return it.

        Raises:
            DagRunFailed: it failed, or took longer; the text has the failed task's log.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            run = self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")
            if run["state"] == "success":
                return run
            if run["state"] == "failed" or time.monotonic() > deadline:
                raise DagRunFailed(self._explain(dag_id, run))
            time.sleep(POLL_S)

    def wait_new_run(self, dag_id: str, known: Collection[str] = (), timeout_s: float = 60) -> str:
        """Wait for a run that is not among the known ones and return its id."""

        def newest() -> str | None:
            new = [r["dag_run_id"] for r in self.dag_runs(dag_id)]
            return next((run_id for run_id in new if run_id not in known), None)

        self._wait(lambda: newest() is not None, timeout_s, lambda: f"no new run of {dag_id}")
        return str(newest())

    def create_backfill(
        self, dag_id: str, start: datetime, end: datetime, *, max_active_runs: int = 4
    ) -> int:
        """Start a backfill of the runs from `start` to `end`, both included; return its id."""
        body = {
            "dag_id": dag_id,
            "from_date": start.isoformat(),
            "to_date": end.isoformat(),
            "max_active_runs": max_active_runs,
            "reprocess_behavior": "completed",
        }
        return int(self._call("POST", "/backfills", body)["id"])

    def wait_backfill(
        self, backfill_id: int, timeout_s: float = 600, say: Callable[[str], None] | None = None
    ) -> list[Json]:
        """Wait until a backfill has ended and return its runs.

        Raises:
            DagRunFailed: one of its runs failed, or it took longer.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            backfill = self._call("GET", f"/backfills/{backfill_id}")
            runs = self._backfill_runs(backfill)
            failed = next((run for run in runs if run["state"] == "failed"), None)
            late = time.monotonic() > deadline
            if failed or late:
                raise DagRunFailed(self._explain(backfill["dag_id"], failed or backfill))
            if backfill["completed_at"]:
                return runs
            if say:
                say(f"{sum(run['state'] in ENDED for run in runs)} of {len(runs)} hours replayed")
            time.sleep(POLL_S)

    def _backfill_runs(self, backfill: Json) -> list[Json]:
        runs = self.dag_runs(backfill["dag_id"])
        first, last = backfill["from_date"], backfill["to_date"]
        return [
            run
            for run in runs
            if run["run_type"] == "backfill"
            and _moment(first) <= _moment(run["logical_date"]) <= _moment(last)
        ]

    def task_log(self, dag_id: str, run_id: str, task: Json) -> list[str]:
        """Return the lines that a task instance's last try logged."""
        path = (
            f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/"
            f"{task['try_number']}?full_content=true&map_index={task['map_index']}"
        )
        content = self._call("GET", path)["content"]
        return [_log_line(entry) for entry in content]

    def _explain(self, dag_id: str, run: Json) -> str:
        run_id = run.get("dag_run_id", "")
        tasks = self.task_instances(dag_id, run_id) if run_id else []
        bad = [t for t in tasks if t["state"] in ("failed", "up_for_retry", "running", "deferred")]
        text = f"{dag_id} {run_id} is {run.get('state', 'not done in time')}"
        if not bad:
            return text
        log = "\n".join(self.task_log(dag_id, run_id, bad[0])[-LOG_LINES:])
        return f"{text}; {bad[0]['task_id']} is {bad[0]['state']}:\n{log}"

    def _wait(
        self, ready: Callable[[], bool], timeout_s: float, explain: Callable[[], str]
    ) -> None:
        deadline = time.monotonic() + timeout_s
        while not ready():
            if time.monotonic() > deadline:
                raise AirflowNotReady(f"after {timeout_s:.0f} s: {explain()}")
            time.sleep(POLL_S)

    def _call(
        self, method: str, path: str, body: Json | None = None, accept: Collection[int] = ()
    ) -> Json:
        for attempt in range(LOCK_RETRIES):
            answer = self._send(method, path, body)
            if answer.status_code == 401:  # no token yet, or it has expired
                self._log_in()
            elif answer.status_code != 503:
                break
            else:
                time.sleep(POLL_S * min(attempt + 1, 4))
        if answer.is_error and answer.status_code not in accept:
            raise AirflowNotReady(
                f"{method} {self.url}/api/v2{path} answered {answer.status_code}: {answer.text}"
            )
        return dict(answer.json()) if answer.content else {}

    def _send(self, method: str, path: str, body: Json | None) -> httpx.Response:
        attempts = READ_RETRIES if method == "GET" else 1
        while True:
            attempts -= 1
            try:
                return self._client.request(method, f"/api/v2{path}", json=body)
            except httpx.HTTPError as error:
                if attempts and isinstance(error, httpx.TimeoutException):
                    continue
                raise AirflowNotReady(
                    f"{self.url} does not answer ({type(error).__name__}); is Airflow running?"
                ) from None

    def _log_in(self) -> None:
        answer = self._client.post("/auth/token", json=self._credentials)
        if answer.is_error:
            raise AirflowNotReady(f"{self.url} refused user {self._credentials['username']}")
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _form_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _log_line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    details = [
        f"{error.get('exc_type')}: {error.get('exc_value')}"
        for error in entry.get("error_detail") or []
    ]
    return " ".join([str(entry.get("event", "")), *details])
