"""Every DAG file imports, makes its DAG of each model, and keeps the policy that holds for all."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction
from dag_files import dags, parse

from evergreen.config.settings import PROJECT, settings
from evergreen.orchestration.assets import retrain_asset
from evergreen.orchestration.run_context import day_of

DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))
DELIVER = "evergreen__deliver"
CHAINS = {
    "monitor_hourly": {
        "wait_for_hour": {"sketch_hour"},
        "sketch_hour": {"judge_ctr", "judge_drift"},
        "judge_ctr": {"decide"},
        "judge_drift": {"decide"},
        "decide": {"healthy", "warn", "request_retrain", "request_rollback"},
        "healthy": set(),
        "warn": set(),
        "request_retrain": set(),
        "request_rollback": set(),
    },
    "validate_nightly": {
        "wait_for_day": {"validate_day"},
        "validate_day": {"passed", "quarantine_hours", "alert"},
        "quarantine_hours": {"alert"},
        "passed": set(),
        "alert": set(),
    },
    "retrain": {
        "freeze_window": {"validate_window"},
        "validate_window": {"build_dataset"},
        "build_dataset": {"validate_dataset"},
        "validate_dataset": {"train"},
        "train": {"evaluate"},
        "evaluate": {"gate"},
        "gate": {"promote", "ask_operator", "hold"},
        "ask_operator": {"promote", "hold"},
        "promote": {"publish"},
        "publish": {"smoke_test"},
        "smoke_test": {"close_incident"},
        "close_incident": set(),
        "hold": set(),
    },
    "rollback": {
        "roll_back": {"publish"},
        "publish": {"close_incident"},
        "close_incident": set(),
    },
}


def test_four_dags_for_each_model(add_model: Callable[..., str]) -> None:
    add_model("shop")
    add_model("news")
    ours = {f"{model}__{kind}" for model in ("shop", "news") for kind in CHAINS}
    assert set(dags()) == ours | {DELIVER}


def test_a_model_that_is_trained_elsewhere_is_only_watched(add_model: Callable[..., str]) -> None:
    add_model("shop")
    add_model("theirs", train={"enabled": False})
    found = {dag_id for dag_id in dags() if dag_id.startswith("theirs__")}
    assert found == {"theirs__monitor_hourly", "theirs__validate_nightly"}
    assert {f"shop__{kind}" for kind in CHAINS} <= set(dags())


def test_it_can_still_ask_for_a_retraining(add_model: Callable[..., str]) -> None:
    add_model("theirs", train={"enabled": False})
    task = dags()["theirs__monitor_hourly"].get_task("request_retrain")
    assert [asset.uri for asset in task.outlets] == ["evergreen://theirs/retrain"]


def test_the_repository_s_own_models_parse() -> None:
    settings.cache_clear()
    watched = {f"open_bandit__{kind}" for kind in ("monitor_hourly", "validate_nightly")}
    assert {f"also_bought__{kind}" for kind in CHAINS} | watched | {DELIVER} == set(dags())


def test_one_dag_delivers_the_messages_of_all_models(home: Any) -> None:
    dag = dags()[DELIVER]
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert dag.timetable.expression == "*/5 * * * *"
    (task,) = dag.tasks
    assert (task.task_id, task.retries, task.on_failure_callback) == ("deliver_messages", 0, [])
    assert task.execution_timeout < timedelta(minutes=5)
    for word in ("**Decides**", "**When**", "**Safe to run again**"):
        assert word in dag.doc_md


@pytest.mark.parametrize("kind", CHAINS)
def test_chain(add_model: Callable[..., str], kind: str) -> None:
    dag = dags_of(add_model())[f"shop__{kind}"]
    found = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert found == CHAINS[kind]


def test_policy_of_every_dag_and_task(add_model: Callable[..., str]) -> None:
    for dag_id, dag in dags_of(add_model()).items():
        assert dag.max_active_runs == 1, dag_id
        assert dag.catchup is False, dag_id
        assert dag.tags == {"evergreen", "shop", dag_id.removeprefix("shop__")}
        assert len(dag.description) > 20, dag_id
        for word in ("**Decides**", "**When**", "**Safe to run again**"):
            assert word in dag.doc_md, dag_id
        assert "team-shop" in dag.doc_md
        assert "docs/runbooks/shop.md" in dag.doc_md
        for task in dag.tasks:
            where = f"{dag_id}.{task.task_id}"
            assert task.owner == "team-shop", where
            assert task.retries in (1, 2), where
            assert task.execution_timeout <= timedelta(hours=1), where
            assert task.doc_md, where
            assert task.weight_rule == "absolute", where
            assert task.on_failure_callback, where


def dags_of(model: str) -> dict[str, Any]:
    """Return the DAGs of one model by id."""
    return {dag_id: dag for dag_id, dag in dags().items() if dag_id.startswith(f"{model}__")}


def test_who_watches_goes_before_who_trains(add_model: Callable[..., str]) -> None:
    weights = {
        dag_id.removeprefix("shop__"): {task.priority_weight for task in dag.tasks}
        for dag_id, dag in dags_of(add_model()).items()
    }
    assert weights == {
        "rollback": {4},
        "monitor_hourly": {3},
        "validate_nightly": {2},
        "retrain": {1},
    }


def test_branches_say_why(add_model: Callable[..., str]) -> None:
    """Every way out of a task that decides has a label in the graph."""
    for dag_id, dag in dags_of(add_model()).items():
        for task in dag.tasks:
            if len(task.downstream_task_ids) < 2 or task.task_id == "sketch_hour":
                continue
            for after in task.downstream_task_ids:
                label = dag.get_edge_info(task.task_id, after).get("label")
                assert label, f"{dag_id}: {task.task_id} to {after}"


def test_the_asset_reads_well() -> None:
    asset = retrain_asset("shop")
    assert (asset.name, asset.uri) == ("shop retrain requested", "evergreen://shop/retrain")
    assert asset.group == "evergreen"


def test_schedules(add_model: Callable[..., str]) -> None:
    model = add_model()
    found = {dag_id: dag.timetable for dag_id, dag in dags_of(model).items()}
    assert type(found["shop__monitor_hourly"]).__name__ == "CronDataIntervalTimetable"
    assert found["shop__monitor_hourly"].expression == "0 * * * *"
    assert found["shop__validate_nightly"].expression == "0 2 * * *"
    assert type(found["shop__validate_nightly"]).__name__ == "CronDataIntervalTimetable"
    assert found["shop__retrain"].timetable.expression == "0 3 * * *"
    assets = found["shop__retrain"].asset_condition.objects
    assert [asset.uri for asset in assets] == ["evergreen://shop/retrain"]
    assert type(found["shop__rollback"]).__name__ == "NullTimetable"


@pytest.mark.parametrize("now", ["2026-11-24T03:01", "2026-11-24T05:00", "2026-11-25T02:59"])
def test_switching_retrain_on_waits_for_the_next_tick(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch, now: str
) -> None:
    """As the scheduler reads it; by default Airflow would run a tick of up to 2.4 hours ago."""
    dag = dags_of(add_model())["shop__retrain"]
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    moment = datetime.fromisoformat(f"{now}:00+00:00")
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: moment)
    first = timetable.next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
    )
    assert first.run_after == datetime(2026, 11, 25, 3, tzinfo=UTC)


def test_a_lagging_lake_is_caught_up_from_monitor_since(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model()
    monkeypatch.setenv("EVERGREEN_MONITOR_SINCE", "2011-05-02T10:00:00+00:00")
    settings.cache_clear()
    dag = dags()["shop__monitor_hourly"]
    assert (dag.catchup, dag.start_date) == (True, datetime(2011, 5, 2, 10, tzinfo=UTC))
    assert dag.max_active_runs == 1


def test_the_first_night_that_is_caught_up_has_tasks(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose logical date is before the start date succeeds without any."""
    add_model()
    since = datetime(2011, 5, 2, tzinfo=UTC)
    monkeypatch.setenv("EVERGREEN_MONITOR_SINCE", since.isoformat())
    settings.cache_clear()
    dag = DagSerialization.from_dict(DagSerialization.to_dict(dags()["shop__validate_nightly"]))
    first = dag.timetable.next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup),
    )
    assert first.logical_date >= dag.get_task("validate_day").start_date
    assert day_of({"dag_run": SimpleNamespace(data_interval_end=first.data_interval.end)}) == since


def test_forms(add_model: Callable[..., str]) -> None:
    found = dags_of(add_model(train={"window": "35d"}))
    for dag_id in ("shop__monitor_hourly", "shop__validate_nightly", "shop__retrain"):
        found[dag_id].params.validate()  # scheduled: every default must do
    assert found["shop__retrain"].params.dump() == {"window": "35d", "reason": None, "force": False}
    with pytest.raises(Exception, match="No value passed"):
        found["shop__rollback"].params.validate()
    for bad in ("28", "1.5d", "d", "24h"):
        with pytest.raises(Exception, match="does not match"):
            found["shop__retrain"].params.get_param("window").resolve(bad)
    with pytest.raises(Exception, match="is too long"):
        found["shop__retrain"].params.get_param("reason").resolve("x" * 501)
    for name, bad, said in (("reason", "no", "is too short"), ("version", 0, "less than")):
        with pytest.raises(Exception, match=said):
            found["shop__rollback"].params.get_param(name).resolve(bad)


def test_every_field_of_a_form_has_a_title_and_help(add_model: Callable[..., str]) -> None:
    for dag_id, dag in dags_of(add_model()).items():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema.get("title"), f"{dag_id}: {name}"
            assert len(param.description or "") > 20, f"{dag_id}: {name}"
            # Airflow's form takes an empty text for a missing one: its button stays dark.
            assert param.value != "", f"{dag_id}: {name}"


def test_only_the_monitor_can_ask_for_a_retraining(add_model: Callable[..., str]) -> None:
    outlets = {
        (dag_id, task.task_id): [asset.uri for asset in task.outlets]
        for dag_id, dag in dags_of(add_model()).items()
        for task in dag.tasks
        if getattr(task, "outlets", None)
    }
    assert outlets == {("shop__monitor_hourly", "request_retrain"): ["evergreen://shop/retrain"]}


def test_training_steps_share_a_declared_pool(add_model: Callable[..., str]) -> None:
    from evergreen.orchestration.airflow_settings import pools

    declared = {pool.name for pool in pools()}
    used = {
        (task.task_id, task.pool)
        for task in dags_of(add_model())["shop__retrain"].tasks
        if task.pool != "default_pool"
    }
    assert used == {
        (task_id, "evergreen_training") for task_id in ("build_dataset", "train", "evaluate")
    }
    assert {pool for _, pool in used} <= declared


def test_an_invalid_spec_takes_no_other_model_away(add_model: Callable[..., str]) -> None:
    add_model("shop")
    add_model("news", monitr={})
    found = dags()
    assert len(found) == 8 + len({DELIVER})
    broken = found["news__monitor_hourly"]
    assert [task.task_id for task in broken.tasks] == ["report_invalid_spec"]
    assert "unknown key monitr; did you mean monitor?" in broken.doc_md
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"news/model\.yaml: unknown key monitr"):
        broken.tasks[0].execute({})


def test_no_variable_is_read_while_parsing(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk import Connection, Variable

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read while parsing")

    add_model()
    monkeypatch.setattr(Variable, "get", refuse)
    monkeypatch.setattr(Connection, "get", refuse)
    assert parse().import_errors == {}


def test_a_worker_parses_only_the_model_of_its_task(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model("shop")
    add_model("news")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "news__retrain")
    found = dags()
    assert "news__retrain" in found
    assert "shop__retrain" not in found


def test_dag_files_are_thin() -> None:
    lines = [len(path.read_text().splitlines()) for path in DAG_FILES]
    assert len(DAG_FILES) == 5
    assert statistics.median(lines) < 110
    assert max(lines) < 130
