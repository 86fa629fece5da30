"""A real Airflow asks, its REST API answers, and the champion changes; nobody answers, and it does
not; a retraining that misses its deadline is told of once. The chain is the retrain DAG's own from
the gate on; what trains is left out."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from evergreen.adapters.installation import open_ledger
from evergreen.adapters.ledger import Ledger
from evergreen.config.settings import settings
from evergreen.domain.errors import AirflowNotReady
from evergreen.orchestration.local_airflow import USER, LocalAirflow

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]

MODELS = {
    "shop": {"approval": "always", "approvers": [USER]},
    "slow": {"approval": "always", "approval_timeout": "1s"},
    "shut": {"approval": "always", "approvers": ["somebody else"]},
    "late": {"approval": "never"},  # its hand-made gate asks all the same, and nobody answers
}
TRAIN = {"late": {"deadline": "1s"}}
DAG_FILE = '''
"""The retrain DAG from its gate on; its verdict is made by hand."""

from airflow.sdk import chain

from evergreen.orchestration.approval import ask_operator
from evergreen.orchestration.deadline import retrain_deadline
from evergreen.orchestration.links import REPORT, report_url
from evergreen.orchestration.model_task import BranchTask
from evergreen.orchestration.models import model_dag, model_specs
from evergreen.orchestration.retraining import Hold, ModelTask, Promote
from evergreen.trainer import digest

EITHER = "none_failed_min_one_success"

digest.trained_digest = lambda run_dir: "of no file"  # nothing was trained here


class Freeze(ModelTask):
    def execute(self, context):
        return {"trigger": "manual", "reason": "a test", "run_dir": "/runs/2"}


class HandMadeGate(BranchTask):
    def execute(self, context):
        rule = {"name": "gain", "value": 0.01, "lower": -0.001, "upper": 0.02, "bound": 0}
        address = report_url(self.model, f"{self.model}2", 1)
        context["ti"].xcom_push(key=REPORT, value=address)
        self.follow(context, "ask_operator", {
            "verdict": "INCONCLUSIVE", "version": 2, "expected": 1, "run_key": f"{self.model}2",
            "as_of": "2011-05-01T00:00:00+00:00", "reasons": ["not sure"],
            "evidence": {"rules": [rule]},
        })


for spec in model_specs("retrain"):
    options = {"schedule": None, "deadline": retrain_deadline(spec)}
    with model_dag(spec, "retrain", doc=__doc__, form={}, **options):
        freeze, gate = Freeze(task_id="freeze_window"), HandMadeGate(task_id="gate")
        ask = ask_operator(spec, task_id="ask_operator")
        promote = Promote(task_id="promote", trigger_rule=EITHER)
        hold = Hold(task_id="hold", trigger_rule=EITHER)
        chain(freeze, gate, [promote, ask, hold])
        chain(ask, [promote, hold])
'''


@dataclass(frozen=True)
class Asking:
    """An Airflow that is up, with a run of each model that has come to its question."""

    airflow: LocalAirflow
    runs: dict[str, str]
    ledger: Ledger

    def states(self, model: str) -> dict[str, str]:
        tasks = self.airflow.api.task_instances(f"{model}__retrain", self.runs[model])
        return {task["task_id"]: task["state"] for task in tasks}

    def wait(self, model: str, task: str, *states: str) -> None:
        deadline = time.monotonic() + 120
        while self.states(model)[task] not in states:
            assert time.monotonic() < deadline, self.states(model)
            time.sleep(0.3)

    def wait_until_left(self, model: str, task: str) -> None:
        """Wait until the scheduler has heard that the process that asked is over.

        An answer that comes before that, quicker than a person's, makes Airflow 3.3.2 take the
        task for lost: it is retried, and asks again.
        """
        key = f"TaskInstanceKey(dag_id='{model}__retrain', task_id='{task}'"
        heard = f"executor event with state success for task instance {key}"
        log, deadline = self.airflow.home / "logs" / "scheduler.log", time.monotonic() + 60
        while heard not in log.read_text(errors="replace"):
            assert time.monotonic() < deadline, f"{task} has not left"
            time.sleep(0.3)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    home: Path = tmp_path_factory.mktemp("home")
    for model, deploy in MODELS.items():
        folder = home / "models" / model
        folder.mkdir(parents=True)
        body = {"model": model, "description": "", "owner": "team", "deploy": deploy}
        body["train"] = TRAIN.get(model, {})
        (folder / "model.yaml").write_text(yaml.safe_dump(body))
    (home / "dags").mkdir()
    (home / "dags" / "retrain.py").write_text(DAG_FILE)
    env = {"EVERGREEN_HOME": str(home), "EVERGREEN_MODELS_DIR": str(home / "models")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        settings.cache_clear()
        ledger = open_ledger()
        for model in MODELS:
            ledger.release(
                model,
                1,
                expected=None,
                kind="promotion",
                run_key=f"{model}1",
                as_of=datetime(2011, 4, 1, tzinfo=UTC),
                reason="first",
                evidence={},
            )
            ledger.open_run(model, f"{model}2", trigger="manual", manifest={})
            ledger.close_run(f"{model}2", verdict="INCONCLUSIVE", version=2, body={})
        env["AIRFLOW__CORE__DAGS_FOLDER"] = str(home / "dags")
        with LocalAirflow(home / "airflow", env=env) as airflow:
            dag_ids = [f"{model}__retrain" for model in MODELS]
            airflow.api.wait_for_dags(dag_ids)
            assert airflow.api.import_errors() == []
            runs = {}
            for model, dag_id in zip(MODELS, dag_ids, strict=True):
                airflow.api.set_paused(dag_id, paused=False)
                runs[model] = airflow.api.trigger(dag_id)
            yield Asking(airflow=airflow, runs=runs, ledger=ledger)
    settings.cache_clear()


def test_an_answer_by_the_api_promotes(asking: Asking) -> None:
    api, dag, run = asking.airflow.api, "shop__retrain", asking.runs["shop"]
    asking.wait("shop", "ask_operator", "awaiting_input")
    form = api.form(dag, run, "ask_operator")
    assert form["subject"] == "shop: INCONCLUSIVE. Promote version 2?"
    assert f"<{asking.airflow.url}/evergreen/reports/shop/shop2/1>" in form["body"]
    assert form["options"] == ["Promote", "Hold"]
    path = f"/dags/{dag}/dagRuns/{run}/taskInstances/ask_operator/links"
    button = api._call("GET", path)["extra_links"]["Report"]
    assert button == f"{asking.airflow.url}/evergreen/reports/shop/shop2/1"  # while it waits
    assert asking.states("shop")["promote"] is None  # nothing goes on meanwhile
    asking.wait_until_left("shop", "ask_operator")
    api.answer(dag, run, "ask_operator", "Promote", note="looked at it")
    api.wait_run(dag, run, 120)
    assert asking.states("shop") == {
        "freeze_window": "success",
        "gate": "success",
        "ask_operator": "success",
        "promote": "success",
        "hold": "skipped",
    }
    champion = asking.ledger.champion("shop")
    assert (champion.version, champion.fence) == (2, 2)
    approval = champion.evidence["approval"]
    assert (approval["answer"], approval["by"]) == ("promote", USER)
    assert approval["note"] == "looked at it"
    assert asking.ledger.run("shop2").body["approval"] == approval


def test_nobody_answers_and_the_default_holds(asking: Asking) -> None:
    asking.airflow.api.wait_run("slow__retrain", asking.runs["slow"], 120)
    states = asking.states("slow")
    assert (states["promote"], states["hold"]) == ("skipped", "success")
    assert asking.ledger.champion("slow").version == 1
    approval = asking.ledger.run("slow2").body["approval"]
    assert (approval["answer"], approval["by"], approval["timed_out"]) == ("hold", None, True)


def test_who_was_not_asked_cannot_answer(asking: Asking) -> None:
    dag, run = "shut__retrain", asking.runs["shut"]
    asking.wait("shut", "ask_operator", "awaiting_input")
    with pytest.raises(AirflowNotReady, match="403"):
        asking.airflow.api.answer(dag, run, "ask_operator", "Promote", note="")
    assert asking.states("shut")["ask_operator"] == "awaiting_input"
    assert asking.ledger.champion("shut").version == 1


def test_a_missed_deadline_is_told_of_once_and_not_of_a_replay(asking: Asking) -> None:
    """The run waits for an answer; behind it waits a replay, whose deadline passes as well."""
    airflow, run = asking.airflow, asking.runs["late"]
    airflow.api.trigger("late__retrain", conf={"replay": True})
    deadline = time.monotonic() + 60
    while len(states := deadline_callbacks(airflow.home / "airflow.db", "late__retrain")) < 2 or (
        set(states) != {"success"}
    ):
        assert time.monotonic() < deadline, states
        time.sleep(0.5)
    (said,) = asking.ledger.deliveries("late")
    assert said.key == f"late__retrain/{run}/deadline"
    assert said.severity == "error"
    assert f"late: the retraining {run} takes longer than 1s (train.deadline)" in said.text
    assert f"{airflow.url}/dags/late__retrain/runs/" in said.text
    assert asking.ledger.deliveries("shop") == []  # 4 hours and its form's 24 have not passed


def deadline_callbacks(database: Path, dag_id: str) -> list[str]:
    """Return how far the callbacks of a DAG's missed deadlines are, from Airflow's own database."""
    query = (
        "select c.state from callback c join deadline d on d.callback_id = c.id "
        "join dag_run r on r.id = d.dagrun_id where d.missed and r.dag_id = ?"
    )
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return [str(state) for (state,) in connection.execute(query, (dag_id,))]
