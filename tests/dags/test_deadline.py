"""A late retraining is told of once; a replay, and a run that was over in time, are not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from dag_files import dags

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.config.model_spec import load_spec
from evergreen.config.settings import settings
from evergreen.domain.errors import LedgerUnreachable, ModelSpecInvalid
from evergreen.orchestration import deadline as module
from evergreen.orchestration.deadline import deadline_of, post_missed, tell_missed

DUE = datetime(2026, 11, 26, 14, tzinfo=UTC)


def missed(**run: Any) -> dict[str, Any]:
    """Return what Airflow hands to the callback: the run as its API shows it, and the deadline."""
    body = {
        "dag_id": "shop__retrain",
        "dag_run_id": "asset_triggered__2026-11-26T10:00:00+00:00_ab",
        "run_type": "asset_triggered",
        "state": "running",
        "end_date": None,
        "conf": {},
    }
    return {"dag_run": {**body, **run}, "deadline": {"id": "1", "deadline_time": DUE}}


def test_it_is_told_once(add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    add_model()
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team/")
    for _ in range(2):
        text = tell_missed("shop", "4h", missed())
    (said,) = open_ledger().deliveries("shop")
    assert (said.severity, said.text) == ("error", text)
    assert text == (
        "shop: the retraining asset_triggered__2026-11-26T10:00:00+00:00_ab takes longer than 4h "
        "(train.deadline): it was due at 2026-11-26 14:00 UTC and is running; the champion goes on "
        "serving; run: https://airflow.example/team/dags/shop__retrain/runs/"
        "asset_triggered__2026-11-26T10%3A00%3A00%2B00%3A00_ab"
    )


@pytest.mark.parametrize(
    "run",
    [
        {"run_type": "backfill"},
        {"conf": {"replay": True}},
        {"state": "failed", "end_date": "2026-11-26T13:59:00Z"},  # Airflow keeps such a deadline
        {"state": "success", "end_date": DUE},
    ],
)
def test_it_is_silent(add_model: Callable[..., str], run: dict[str, Any]) -> None:
    add_model()
    assert tell_missed("shop", "4h", missed(**run)) is None
    assert open_ledger().deliveries("shop") == []


def test_a_run_that_failed_too_late_is_told_of(add_model: Callable[..., str]) -> None:
    add_model()
    late = missed(state="failed", end_date="2026-11-26T14:00:01Z")
    assert "is failed" in str(tell_missed("shop", "4h", late))


def test_a_ledger_that_restarts_loses_no_message(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model()
    tries: list[str] = []

    def down_twice() -> Any:
        tries.append("asked")
        if len(tries) < 3:
            raise LedgerUnreachable("down")
        return open_ledger()

    monkeypatch.setattr(module, "open_ledger", down_twice)
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    asyncio.run(post_missed(model="shop", deadline="4h", context=missed()))
    assert len(open_ledger().deliveries("shop")) == 1
    tries.clear()
    monkeypatch.setattr(module, "TRIES", 2)
    with pytest.raises(LedgerUnreachable):
        asyncio.run(post_missed(model="shop", deadline="4h", context=missed()))


def test_only_retrain_has_one_and_airflow_keeps_it(add_model: Callable[..., str]) -> None:
    add_model(train={"deadline": "90m"})
    found = {dag_id: dag.deadline for dag_id, dag in dags().items()}
    assert [dag_id for dag_id, deadline in found.items() if deadline] == ["shop__retrain"]
    (alert,) = found["shop__retrain"]
    assert alert.interval == timedelta(minutes=90)
    assert alert.callback.path == "evergreen.orchestration.deadline.post_missed"
    assert alert.callback.kwargs == {"model": "shop", "deadline": "90m"}
    DagSerialization.to_dict(dags()["shop__retrain"])


def test_a_person_s_time_is_added_where_one_is_asked(add_model: Callable[..., str]) -> None:
    add_model("shop")
    add_model("asks", deploy={"approval": "inconclusive", "approval_timeout": "6h"})
    assert deadline_of(spec_of("shop")) == timedelta(hours=4)
    assert deadline_of(spec_of("asks")) == timedelta(hours=10)


def test_no_time_at_all_is_refused(add_model: Callable[..., str]) -> None:
    add_model(train={"deadline": "0h"})
    with pytest.raises(ModelSpecInvalid, match="every retraining would be late"):
        load_spec(settings().models_dir / "shop")
