"""The nightly tasks branch on the report and say once what is wrong; a replay says nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from dag_files import dags

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.adapters.lake import Lake
from evergreen.config.settings import settings
from evergreen.domain.errors import QuarantineLost
from evergreen.domain.windows import HOUR, Window
from evergreen.orchestration.links import DataDocsLink, data_docs_url
from evergreen.orchestration.validating import TEXT_LENGTH
from made_days import DAY, judge, land_days, orders

NIGHT = datetime(2011, 5, 2, tzinfo=UTC)
BAD = NIGHT + 13 * HOUR
BRANCHES = {"passed", "alert", "quarantine_hours"}
Night = Callable[..., dict[str, Any]]


@pytest.fixture
def lake(add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr("evergreen.monitor.validate_day.validate", judge)
    return open_lake(spec_of(add_model()))


@pytest.fixture
def night(lake: Lake, context: Callable[..., Any]) -> Night:
    """Return what runs the tasks of a night as the scheduler does, and what each left."""

    def run(day: datetime = NIGHT, run_type: str = "scheduled") -> dict[str, Any]:
        dag = dags()["shop__validate_nightly"]
        about = context(run_type=run_type, end=day + 26 * HOUR)
        about["ti"].task = task = dag.get_task("validate_day")
        with pytest.raises(DownstreamTasksSkipped) as skipped:
            task.execute(about)
        names = {name if isinstance(name, str) else name[0] for name in skipped.value.tasks}
        left = {"branch": BRANCHES - names, "pushed": about["ti"].pushed}
        later = context(
            run_type=run_type,
            end=day + 26 * HOUR,
            xcoms={"validate_day": left["pushed"]["return_value"]},
        )
        for name in ("quarantine_hours", "alert"):
            if name in left["branch"]:
                left[name] = dag.get_task(name).execute(later)
        return left

    return run


def told() -> list[tuple[str, str]]:
    return [(message.severity, message.text) for message in open_ledger().deliveries("shop")]


def test_a_good_day_passes(lake: Lake, night: Night) -> None:
    land_days(lake, NIGHT)
    assert night()["branch"] == {"passed"}
    assert told() == []


def test_an_error_quarantines_and_alerts(lake: Lake, night: Night) -> None:
    land_days(lake, NIGHT)
    lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))
    left = night()
    assert left["branch"] == {"quarantine_hours", "alert"}
    assert left["quarantine_hours"] == ["orders 2011-05-02T13"]
    ((severity, text),) = told()
    assert severity == "error"
    assert text == (
        "shop: 2011-05-02 failed its validation: orders 2011-05-02T13: negative_prices is 5, "
        "expected otherwise; orders day: negative_prices is 5, expected otherwise; "
        "in quarantine: orders 2011-05-02T13; Data Docs: "
        f"{data_docs_url('shop', '2011-05-02')}"
    )


def test_a_warning_alerts_and_quarantines_nothing(lake: Lake, night: Night) -> None:
    land_days(lake, NIGHT - 7 * DAY, lines=30)
    land_days(lake, NIGHT)
    left = night()
    assert left["branch"] == {"alert"}
    ((severity, text),) = told()
    assert severity == "warning"
    assert text.startswith("shop: 2011-05-02 passed with warnings: orders day: row_ratio is ")
    assert "in quarantine" not in text


def test_the_same_findings_are_told_once_and_others_again(lake: Lake, night: Night) -> None:
    land_days(lake, NIGHT)
    lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))
    night()
    night()
    assert len(told()) == 1
    lake.land_hour("orders", BAD + HOUR, orders(BAD + HOUR, prices=-2.5))
    night()
    assert len(told()) == 2


def test_an_hour_that_is_bad_mended_and_bad_again_is_told_again(lake: Lake, night: Night) -> None:
    land_days(lake, NIGHT)
    bad = orders(BAD, prices=-2.5)
    for frame, messages in ((bad, 1), (orders(BAD), 1), (bad, 2)):
        lake.land_hour("orders", BAD, frame)
        night()
        night()
        assert len(told()) == messages
    (first, again) = told()
    assert first == again


def test_an_hour_that_was_mended_is_validated_in_the_next_night(lake: Lake, night: Night) -> None:
    land_days(lake, NIGHT, days=2)
    lake.land_hour("orders", BAD, orders(BAD, prices=-2.5))
    night()
    lake.land_hour("orders", BAD, orders(BAD))
    left = night(NIGHT + DAY)
    assert left["branch"] == {"passed"}
    assert [d["run"] for d in left["pushed"]["return_value"]["days"]] == [
        "2011-05-03",
        "2011-05-02",
    ]
    assert open_ledger().quarantine_records("shop") == []


def test_an_alert_is_bounded(lake: Lake, night: Night) -> None:
    land_days(lake, NIGHT, prices=-2.5)
    (text,) = night()["alert"]
    assert len(text) <= TEXT_LENGTH
    assert "and 20 more; in quarantine: orders 2011-05-02T00, " in text
    assert text.endswith("/evergreen/data-docs/shop/2011-05-02/index.html")


def test_a_quarantine_that_is_gone_fails_the_task(lake: Lake, context: Callable[..., Any]) -> None:
    task = dags()["shop__validate_nightly"].get_task("quarantine_hours")
    about = context(
        end=NIGHT, xcoms={"validate_day": {"days": [{"quarantined": ["orders 2011-05-02T13"]}]}}
    )
    with pytest.raises(QuarantineLost):
        task.execute(about)


def everything_kept(home: Path) -> list[Any]:
    """Return what the nights have left, without the moments at which they wrote it."""
    ledger = open_ledger()
    window = Window(NIGHT, NIGHT + 14 * DAY)
    files = [path for top in ("data_docs", "quarantine") for path in (home / top).rglob("*")]
    return [
        [
            (row.hour, row.sensor, row.verdict, row.body, row.replay)
            for row in ledger.measurements("shop", window)
        ],
        ledger.quarantine_records("shop", active=False),
        sorted((str(path), path.read_bytes()) for path in files if path.is_file()),
    ]


def test_fourteen_nights_again_write_the_same_and_send_nothing(
    lake: Lake, night: Night, home: Path
) -> None:
    land_days(lake, NIGHT, days=14)
    for number in (3, 8):
        hour = NIGHT + number * DAY + 13 * HOUR
        lake.land_hour("orders", hour, orders(hour, prices=-2.5))
    nights = [NIGHT + number * DAY for number in range(14)]
    branches = [night(day, "backfill")["branch"] for day in nights]
    assert branches.count({"quarantine_hours", "alert"}) == 2
    assert branches.count({"passed"}) == 12
    first = everything_kept(home)
    assert len(first[0]) == 14 * (24 * 2 + 1)
    assert {row[-1] for row in first[0]} == {True}
    assert len(first[1]) == 2
    assert len({Path(path).parent for path, _ in first[2] if path.endswith("index.html")}) == 14
    assert [night(day, "backfill")["branch"] for day in nights] == branches
    assert everything_kept(home) == first
    assert told() == []


def test_a_replay_validates_its_own_day_only(lake: Lake, night: Night) -> None:
    land_days(lake, NIGHT, days=2)
    night()
    lake.land_hour("orders", BAD, orders(BAD))
    left = night(NIGHT + DAY, "backfill")
    assert [d["run"] for d in left["pushed"]["return_value"]["days"]] == ["2011-05-03"]


def test_the_task_has_a_button_that_opens_its_data_docs(
    lake: Lake, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.execution_time.xcom import XCom

    land_days(lake, NIGHT)
    pushed = night()["pushed"]
    task = dags()["shop__validate_nightly"].get_task("validate_day")
    (link,) = task.operator_extra_links
    assert isinstance(link, DataDocsLink)
    monkeypatch.setattr(XCom, "get_value", lambda ti_key, key: pushed.get(key))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.shop.example/team/")
    key = SimpleNamespace()
    assert link.get_link(task, ti_key=key) == (
        "https://airflow.shop.example/team/evergreen/data-docs/shop/2011-05-02/index.html"
    )
    pushed.clear()
    assert link.get_link(task, ti_key=key) == ""


def test_a_day_that_never_closes_is_judged_as_it_is() -> None:
    settings.cache_clear()
    dag = dags()["also_bought__validate_nightly"]
    rules = {task.task_id: task.trigger_rule.value for task in dag.tasks}
    assert rules["validate_day"] == "all_done"
    assert rules["alert"] == "none_failed_min_one_success"
