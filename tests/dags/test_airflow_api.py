"""The API client logs in, waits out SQLite's locks, and explains a failure by the task's log."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from evergreen.domain.errors import AirflowNotReady, DagRunFailed
from evergreen.orchestration import airflow_api
from evergreen.orchestration.airflow_api import AirflowApi

Answer = tuple[int, Any]


class FakeAirflow:
    """Answers by method and path; a list is used up from the front, its last answer stays."""

    def __init__(self, answers: dict[str, list[Answer]]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.token = "t1"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path.removeprefix('/api/v2')}"
        self.asked.append(name)
        if name == "POST /auth/token":
            good = json.loads(request.content) == {"username": "admin", "password": "secret"}
            return httpx.Response(201 if good else 401, json={"access_token": self.token})
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return httpx.Response(401, json={})
        left = self.answers[name]
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(status, json=body)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[AirflowApi, FakeAirflow]]:
    monkeypatch.setattr(airflow_api, "POLL_S", 0.0)

    def make(password: str = "secret", **answers: list[Answer]) -> tuple[AirflowApi, FakeAirflow]:
        fake = FakeAirflow({name.replace("_", " ", 1): found for name, found in answers.items()})
        client = AirflowApi("http://airflow", user="admin", password=password)
        client._client = httpx.Client(
            base_url="http://airflow", transport=httpx.MockTransport(fake)
        )
        return client, fake

    return make


def test_logs_in_once_and_again_when_the_token_expires(api: Any) -> None:
    client, fake = api(**{"GET_/dags": [(200, {"dags": [{"dag_id": "a"}]})]})
    assert client.dag_ids() == {"a"}
    assert client.dag_ids() == {"a"}
    fake.token = "t2"
    assert client.dag_ids() == {"a"}
    assert fake.asked.count("POST /auth/token") == 2


def test_a_wrong_password_is_said(api: Any) -> None:
    client, _ = api(password="wrong")
    with pytest.raises(AirflowNotReady, match="http://airflow refused user admin"):
        client.dag_ids()


def test_a_locked_database_is_waited_out(api: Any) -> None:
    client, fake = api(**{"POST_/backfills": [(503, {}), (503, {}), (200, {"id": 4})]})
    start = datetime(2011, 5, 2, tzinfo=UTC)
    assert client.create_backfill("d", start, start) == 4
    assert fake.asked.count("POST /backfills") == 4  # 401, 503, 503, 200


def test_an_existing_pool_is_fine(api: Any) -> None:
    client, _ = api(**{"POST_/pools": [(409, {})]})
    client.put_pool("training", 2, "")


def test_a_refusal_is_quoted(api: Any) -> None:
    client, _ = api(**{"POST_/dags/d/dagRuns": [(404, {"detail": "no such DAG"})]})
    with pytest.raises(AirflowNotReady, match=r"dagRuns answered 404: .*no such DAG"):
        client.trigger("d")


def test_reading_is_repeated_on_a_busy_machine(api: Any) -> None:
    client, fake = api(**{"GET_/dags": [(200, {"dags": []})], "POST_/pools": [(200, {})]})
    slow = [True, True]

    def busy(request: httpx.Request) -> httpx.Response:
        if slow and slow.pop():
            raise httpx.ReadTimeout("busy", request=request)
        return fake(request)

    client._client = httpx.Client(base_url="http://airflow", transport=httpx.MockTransport(busy))
    assert client.dag_ids() == set()
    slow.append(True)
    with pytest.raises(AirflowNotReady, match="ReadTimeout"):  # might be done twice
        client.put_pool("training", 2, "")


def test_nobody_listening_is_said() -> None:
    client = AirflowApi("http://127.0.0.1:9", user="admin", password="x")
    assert client.health() == {}
    with pytest.raises(AirflowNotReady, match=r"127\.0\.0\.1:9 does not answer \(ConnectError\)"):
        client.dag_ids()


def test_dags_that_never_come_are_explained(api: Any) -> None:
    client, _ = api(
        **{
            "GET_/dags": [(200, {"dags": []})],
            "GET_/importErrors": [
                (200, {"import_errors": [{"filename": "retrain.py", "stack_trace": "boom"}]})
            ],
        }
    )
    with pytest.raises(AirflowNotReady, match=r"DAGs \['a'\] not parsed: \['retrain.py: boom'\]"):
        client.wait_for_dags(["a"], timeout_s=0)


RUN = {"dag_run_id": "r", "state": "running"}


def test_a_run_that_ends_well_is_returned(api: Any) -> None:
    done = {**RUN, "state": "success"}
    client, _ = api(**{"GET_/dags/d/dagRuns/r": [(200, RUN), (200, done)]})
    assert client.wait_run("d", "r") == done


def test_a_failed_run_is_told_with_its_log(api: Any) -> None:
    task = {"task_id": "train", "state": "failed", "try_number": 2, "map_index": 0}
    log = [
        {"event": "reading"},
        {
            "event": "Task failed with exception",
            "error_detail": [{"exc_type": "StepFailed", "exc_value": "no rows"}],
        },
        "plain text",
    ]
    client, _ = api(
        **{
            "GET_/dags/d/dagRuns/r": [(200, RUN), (200, {**RUN, "state": "failed"})],
            "GET_/dags/d/dagRuns/r/taskInstances": [
                (200, {"task_instances": [{"task_id": "x", "state": "success"}, task]})
            ],
            "GET_/dags/d/dagRuns/r/taskInstances/train/logs/2": [(200, {"content": log})],
        }
    )
    with pytest.raises(DagRunFailed) as failed:
        client.wait_run("d", "r")
    assert str(failed.value) == (
        "d r is failed; train is failed:\nreading\n"
        "Task failed with exception StepFailed: no rows\nplain text"
    )


def test_a_run_that_takes_too_long_is_told(api: Any) -> None:
    client, _ = api(
        **{
            "GET_/dags/d/dagRuns/r": [(200, RUN)],
            "GET_/dags/d/dagRuns/r/taskInstances": [(200, {"task_instances": []})],
        }
    )
    with pytest.raises(DagRunFailed, match="d r is running"):
        client.wait_run("d", "r", timeout_s=-1)


def test_a_backfill_s_runs_are_those_of_its_dates(api: Any) -> None:
    backfill = {
        "dag_id": "d",
        "from_date": "2011-05-02T00:00:00Z",
        "to_date": "2011-05-02T01:00:00Z",
        "completed_at": None,
    }
    runs = [
        {"run_type": kind, "logical_date": f"2011-05-02T{hour}:00:00Z", "state": "success"}
        for kind, hour in (
            ("backfill", "00"),
            ("backfill", "01"),
            ("backfill", "02"),
            ("scheduled", "00"),
        )
    ]
    client, _ = api(
        **{
            "GET_/backfills/4": [(200, backfill), (200, {**backfill, "completed_at": "now"})],
            "GET_/dags/d/dagRuns": [(200, {"dag_runs": runs})],
        }
    )
    said: list[str] = []
    assert client.wait_backfill(4, say=said.append) == runs[:2]
    assert said == ["2 of 2 hours replayed"]
