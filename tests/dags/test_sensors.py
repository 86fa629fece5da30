"""The sensor asks once and defers; its trigger says one thing and ends; a replay never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.domain.errors import HourNotClosed
from evergreen.orchestration.sensors import WaitForDay, WaitForHour
from evergreen.orchestration.triggers import HoursClosedTrigger

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)
KEY = "2011-05-02T12"
SOON, PAST = "2999-01-01T00:00:00+00:00", "2011-01-01T00:00:00+00:00"


def trigger(**changes: Any) -> HoursClosedTrigger:
    arguments = {"model": "shop", "hours": [KEY], "late_at": None, "timeout_at": SOON}
    return HoursClosedTrigger(**{**arguments, "poll_interval_s": 0.01, **changes})


def events(found: HoursClosedTrigger) -> list[dict[str, str]]:
    async def collect() -> list[dict[str, str]]:
        return [event.payload async for event in found.run()]

    return asyncio.run(collect())


def land(model: str, *hours: datetime) -> None:
    lake = open_lake(spec_of(model))
    for hour in hours:
        lake.land_hour("impressions", hour, None)


def wait_for_hour(kind: type[WaitForHour] = WaitForHour) -> WaitForHour:
    with DAG("shop__monitor_hourly"):
        return kind(task_id="wait_for_hour")


def test_trigger_says_closed(add_model: Callable[..., str]) -> None:
    land(add_model(), HOUR)
    assert events(trigger()) == [{"status": "closed", "message": ""}]


def test_trigger_says_closed_once_the_hour_is(add_model: Callable[..., str]) -> None:
    model, found = add_model(), trigger()

    async def land_later() -> list[Any]:
        async def collect() -> list[Any]:
            return [event.payload async for event in found.run()]

        waiting = asyncio.create_task(collect())
        await asyncio.sleep(0.05)
        await asyncio.to_thread(land, model, HOUR)
        return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(land_later()) == [{"status": "closed", "message": ""}]


@pytest.mark.parametrize(
    ("status", "moments"),
    [
        ("late", {"late_at": PAST}),
        ("timeout", {"timeout_at": PAST}),
        ("timeout", {"late_at": PAST, "timeout_at": PAST}),
    ],
)
def test_trigger_says_late_or_timeout(
    add_model: Callable[..., str], status: str, moments: dict[str, str]
) -> None:
    add_model()
    (event,) = events(trigger(**moments))
    assert event["status"] == status
    assert f"impressions of hour {KEY} are not closed" in event["message"]
    assert f"impressions/hour={KEY}/_SUCCESS" in event["message"]


def test_trigger_says_what_went_wrong(home: Any) -> None:
    (event,) = events(trigger())  # there is no such model
    assert event["status"] == "error"
    assert event["message"].startswith("ModelSpecInvalid: ")
    assert "every model folder needs one" in event["message"]


def test_trigger_survives_its_way_through_the_database() -> None:
    path, arguments = trigger(late_at=PAST).serialize()
    assert path == "evergreen.orchestration.triggers.HoursClosedTrigger"
    assert HoursClosedTrigger(**arguments).serialize() == (path, arguments)


def test_a_closed_hour_is_not_waited_for(
    add_model: Callable[..., str], context: Callable[..., Any]
) -> None:
    land(add_model(), HOUR)
    assert wait_for_hour().execute(context(start=HOUR)) == [KEY]


def test_an_open_hour_defers(add_model: Callable[..., str], context: Callable[..., Any]) -> None:
    add_model(lake={"late_after": "20m", "timeout": "6h"})
    now = datetime.now(UTC)
    with pytest.raises(TaskDeferred) as deferred:
        wait_for_hour().execute(context(start=HOUR))
    waiting = deferred.value.trigger
    late, timeout = (datetime.fromisoformat(m) for m in (waiting.late_at, waiting.timeout_at))
    assert (waiting.model, waiting.hours) == ("shop", [KEY])
    # the hour ended long ago, so both count from now: a run that catches up has its chance
    assert timedelta(minutes=20) <= late - now < timedelta(minutes=21)
    assert timeout - late == timedelta(hours=6) - timedelta(minutes=20)
    assert deferred.value.method_name == "resume"


def test_lateness_of_a_coming_hour_counts_from_its_end(
    add_model: Callable[..., str], context: Callable[..., Any]
) -> None:
    add_model()
    coming = datetime(2999, 1, 1, 10, tzinfo=UTC)
    with pytest.raises(TaskDeferred) as deferred:
        wait_for_hour().execute(context(start=coming))
    assert deferred.value.trigger.late_at == "2999-01-01T11:20:00+00:00"
    assert deferred.value.trigger.timeout_at == "2999-01-01T17:00:00+00:00"


@pytest.mark.parametrize(
    "run", [{"run_type": "backfill"}, {"run_type": "manual", "params": {"replay": True}}]
)
def test_a_replay_fails_at_once(
    add_model: Callable[..., str], context: Callable[..., Any], run: dict[str, Any]
) -> None:
    add_model()
    with pytest.raises(HourNotClosed, match="a replay does not wait: impressions of hour"):
        wait_for_hour().execute(context(start=HOUR, **run))


def test_late_warns_once_and_waits_on(
    add_model: Callable[..., str], context: Callable[..., Any]
) -> None:
    model = add_model()
    for _ in range(2):  # a retried task posts nothing new
        with pytest.raises(TaskDeferred) as deferred:
            wait_for_hour().resume(
                context(start=HOUR), {"status": "late", "message": "not there"}, timeout_at=SOON
            )
    assert deferred.value.trigger.late_at is None
    assert deferred.value.trigger.timeout_at == SOON
    (delivery,) = open_ledger().deliveries(model)
    assert delivery.severity == "warning"
    assert delivery.text == "shop: late by more than 20m: not there"


def test_timeout_fails_with_what_is_expected(
    add_model: Callable[..., str], context: Callable[..., Any]
) -> None:
    add_model()
    with pytest.raises(HourNotClosed, match=r"gave up after lake\.timeout 6h: not there"):
        wait_for_hour().resume(
            context(start=HOUR), {"status": "timeout", "message": "not there"}, timeout_at=PAST
        )


@pytest.mark.parametrize("event", [{"status": "error", "message": "OSError: x"}, None])
def test_an_unknown_end_ends_the_task(
    add_model: Callable[..., str], context: Callable[..., Any], event: dict[str, str] | None
) -> None:
    add_model()
    with pytest.raises(AirflowException, match="waiting for shop"):
        wait_for_hour().resume(context(start=HOUR), event, timeout_at=SOON)


def test_a_day_waits_for_its_24_hours(
    add_model: Callable[..., str], context: Callable[..., Any]
) -> None:
    model, day = add_model(), datetime(2011, 5, 2, tzinfo=UTC)
    run = context(start=day + timedelta(hours=2), end=day + timedelta(hours=26))
    hours = [day + timedelta(hours=hour) for hour in range(24)]
    land(model, *hours[:23])
    with pytest.raises(TaskDeferred) as deferred:
        wait_for_hour(WaitForDay).execute(run)
    assert (deferred.value.trigger.hours[0], deferred.value.trigger.hours[-1]) == (
        "2011-05-02T00",
        "2011-05-02T23",
    )
    land(model, hours[23])
    assert len(wait_for_hour(WaitForDay).execute(run)) == 24
