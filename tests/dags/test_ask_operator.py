"""A person is asked with the whole verdict in view, and the answer leads to promote or hold."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped, TaskAwaitingInput
from dag_files import dags

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.domain.errors import ModelSpecInvalid
from evergreen.orchestration.approval_form import form_body

AT = datetime(2011, 5, 2, 13, tzinfo=UTC)
RULE = {
    "name": "gain",
    "subject": "",
    "value": 0.0123,
    "lower": -0.001,
    "upper": 0.0256,
    "bound": 0.0,
    "rows": 1234,
    "clusters": 600,
    "verdict": "not_enough_data",
    "text": "not proved better than the champion",
}
VERDICT: dict[str, Any] = {
    "verdict": "INCONCLUSIVE",
    "version": 2,
    "expected": 1,
    "as_of": "2011-05-01T00:00:00+00:00",
    "run_key": "k2",
    "reasons": ["not proved better than the champion"],
    "evidence": {"rules": [RULE]},
}


def event(option: str, *, by: str | None = "ann", note: str = "") -> dict[str, Any]:
    """Return what Airflow hands the task when its form was answered, or timed out."""
    return {
        "chosen_options": [option],
        "params_input": {"note": note},
        "responded_at": AT,
        "responded_by_user": None if by is None else {"id": by, "name": by},
        "timedout": by is None,
    }


@pytest.fixture
def ask(add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the task of a model that is always asked about; asking reaches no Airflow."""
    add_model(
        deploy={
            "approval": "always",
            "approvers": ["ann", "bob"],
            "approval_timeout": "6h",
            "approval_default": "promote",
        }
    )
    ledger = open_ledger()
    ledger.open_run("shop", "k2", trigger="manual", manifest={})
    ledger.close_run("k2", verdict="INCONCLUSIVE", version=2, body={"metrics": {"ndcg": 1}})
    return dags()["shop__retrain"].get_task("ask_operator")


def answered(ask: Any, context: dict[str, Any], said: dict[str, Any]) -> tuple[list[str], Any]:
    """Complete the task; return the tasks that were skipped and what it left for later ones."""
    context["ti"].task = ask
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        ask.execute_complete(context, said)
    tasks = [t if isinstance(t, str) else t[0] for t in skipped.value.tasks]
    return tasks, context["ti"].pushed["return_value"]


@pytest.mark.parametrize("approval", ["never", "inconclusive", "always"])
def test_the_chain_is_the_same_for_every_setting(
    add_model: Callable[..., str], approval: str
) -> None:
    add_model(deploy={"approval": approval})
    dag = dags()["shop__retrain"]
    assert dag.get_task("gate").downstream_task_ids == {"promote", "ask_operator", "hold"}
    assert dag.get_task("ask_operator").downstream_task_ids == {"promote", "hold"}
    for name in ("promote", "hold"):
        assert dag.get_task(name).trigger_rule == "none_failed_min_one_success"


def test_users_timeout_and_default_come_from_model_yaml(ask: Any) -> None:
    assert [user["id"] for user in ask.assigned_users] == ["ann", "bob"]
    assert ask.response_timeout == timedelta(hours=6)
    assert ask.defaults == ["Promote"]
    assert ask.options == ["Promote", "Hold"]
    assert ask.execution_timeout == timedelta(minutes=10)  # of asking, not of waiting


def test_the_form_shows_the_verdict_and_the_task_waits(
    ask: Any, context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail",
        lambda **form: asked.append(form),
    )
    run = context(xcoms={"gate": VERDICT})
    run["ti"].id = run["task_instance"] = run["ti"]
    task = copy.copy(ask)
    with pytest.raises(TaskAwaitingInput) as waits:
        task.execute(run)
    assert waits.value.timeout == timedelta(hours=6)
    (form,) = asked
    assert form["subject"] == "shop: INCONCLUSIVE. Promote version 2?"
    assert form["body"] == form_body("shop", VERDICT, "/evergreen/reports/shop/k2/1")
    assert form["defaults"] == ["Promote"]
    assert list(form["params"]) == ["note"]
    assert run["ti"].pushed["_link_ReportLink"] == "/evergreen/reports/shop/k2/1"


def test_the_form_s_text() -> None:
    assert form_body("shop", VERDICT, "https://air/evergreen/reports/shop/k2/1").split("\n\n") == [
        "The gate says **INCONCLUSIVE**: version 2 of `shop`, compared with version 1.",
        r"- not proved better than the champion",
        "| rule | value | interval | bound | sample | verdict |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        r"| gain | 0\.0123 | \-0\.001 to 0\.0256 | 0 | 1,234 page views, 600 clusters | "
        "not enough data |",
        "[The evaluation report](<https://air/evergreen/reports/shop/k2/1>)",
        "**Promote** makes version 2 champion and publishes its lists. **Hold** keeps version 1.",
    ]


def test_names_from_data_cannot_write_markdown() -> None:
    evil = "country=<img src=x>|a|\n# [click](https://evil)"
    rules = [{**RULE, "subject": evil}, {"name": "size", "passed": True}, "nonsense"]
    verdict = {**VERDICT, "expected": None, "reasons": [evil], "evidence": {"rules": rules}}
    body = form_body("shop", verdict, "/r")
    line = r"country=\<img src=x\>\|a\| \# \[click\]\(https\://evil\)"
    assert f"- {line}" in body.splitlines()
    assert f"| gain {line} |" in body
    assert "| size | – | – | – | – | pass |" in body
    assert "no champion" in body


@pytest.mark.parametrize(
    ("option", "skipped", "text"),
    [
        ("Promote", "hold", "approved by ann at 2011-05-02 13:00 UTC: looks right"),
        ("Hold", "promote", "held by ann at 2011-05-02 13:00 UTC: looks right"),
    ],
)
def test_an_answer_leads_to_its_branch_and_is_kept(
    ask: Any, context: Callable[..., Any], option: str, skipped: str, text: str
) -> None:
    run = context(xcoms={"gate": VERDICT})
    tasks, record = answered(ask, run, event(option, note=" looks right "))
    assert tasks == [skipped]
    assert (record["by"], record["note"], record["text"]) == ("ann", "looks right", text)
    kept = open_ledger().run("k2")
    assert kept.body == {"metrics": {"ndcg": 1}, "approval": record}
    assert (kept.verdict, kept.version) == ("INCONCLUSIVE", 2)


def test_at_the_timeout_the_default_is_taken_and_said(
    ask: Any, context: Callable[..., Any]
) -> None:
    run = context(xcoms={"gate": VERDICT})
    tasks, record = answered(ask, run, event("Promote", by=None))
    assert tasks == ["hold"]
    assert record["timed_out"] is True
    assert record["text"].startswith("nobody answered until 2011-05-02 13:00 UTC: the default, pro")


def test_an_answer_that_is_none_of_the_options_fails(ask: Any, context: Callable[..., Any]) -> None:
    run = context(xcoms={"gate": VERDICT})
    with pytest.raises((ValueError, KeyError)):
        ask.execute_complete(run, event("Delete everything"))
    assert "approval" not in (open_ledger().run("k2").body or {})


@pytest.mark.parametrize(
    ("approval", "verdict", "run_type", "skipped"),
    [
        ("never", "INCONCLUSIVE", "manual", {"promote", "ask_operator"}),
        ("inconclusive", "INCONCLUSIVE", "scheduled", set()),
        ("inconclusive", "PROMOTE", "scheduled", {"ask_operator", "hold"}),
        ("always", "PROMOTE", "asset_triggered", set()),
        ("always", "HOLD", "manual", {"promote", "ask_operator"}),
        ("always", "PROMOTE", "backfill", {"promote", "ask_operator"}),
    ],
)
def test_the_gate_asks_where_it_must(
    add_model: Callable[..., str],
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    approval: str,
    verdict: str,
    run_type: str,
    skipped: set[str],
) -> None:
    import evergreen.trainer.gate_run as module
    import evergreen.trainer.report as report_module

    add_model(deploy={"approval": approval})
    monkeypatch.setattr(module, "gate", lambda *_, **__: {**VERDICT, "verdict": verdict})
    monkeypatch.setattr(report_module, "write_report", lambda *_, **__: None)
    xcoms = {
        "freeze_window": {"run_dir": "/runs/k2"},
        "evaluate": {"arguments": {"champion": "1"}},
    }
    run = context(run_type=run_type, xcoms=xcoms)
    run["ti"].task = gate = dags()["shop__retrain"].get_task("gate")
    found: set[str] = set()
    try:
        gate.execute(run)
    except DownstreamTasksSkipped as said:
        found = {t if isinstance(t, str) else t[0] for t in said.tasks}
    assert found == skipped
    assert run["ti"].pushed["evaluation_report"] == "/evergreen/reports/shop/k2/1"
    reasons = run["ti"].pushed["return_value"]["reasons"]
    asked_nobody = "a replay asks nobody (deploy.approval: always)" in reasons
    assert asked_nobody is (run_type == "backfill")


def test_the_answer_stands_in_the_release_and_in_the_message(
    ask: Any, context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergreen.trainer import digest

    monkeypatch.setattr(digest, "trained_digest", lambda _: "of no file")
    ledger, found = open_ledger(), dags()["shop__retrain"]
    evidence = {"requested": None}
    ledger.release(
        "shop",
        1,
        expected=None,
        kind="promotion",
        run_key="k1",
        as_of=AT,
        reason="first",
        evidence=evidence,
    )
    _, record = answered(ask, context(xcoms={"gate": VERDICT}), event("Promote", note="yes"))
    xcoms = {
        "gate": VERDICT,
        "ask_operator": record,
        "freeze_window": {"trigger": "manual", "reason": "", "run_dir": "/runs/k2"},
    }
    said = found.get_task("promote").execute(context(xcoms=xcoms))
    assert said == {"version": 2, "fence": 2}
    champion = ledger.champion("shop")
    assert champion.evidence["approval"] == record
    assert champion.reason == f"not proved better than the champion; {record['text']}"


def test_a_person_s_no_is_in_the_message(ask: Any, context: Callable[..., Any]) -> None:
    _, record = answered(ask, context(xcoms={"gate": VERDICT}), event("Hold"))
    run = context(xcoms={"gate": VERDICT, "ask_operator": record})
    said = dags()["shop__retrain"].get_task("hold").execute(run)
    assert "held by ann at 2011-05-02 13:00 UTC" in said


@pytest.mark.parametrize(
    ("deploy", "text"),
    [
        ({"approval": "sometimes"}, "deploy.approval"),
        ({"approval_timeout": "0h"}, "expected more than 0s"),
        ({"approval_default": "ask"}, "deploy.approval_default"),
        ({"approvers": "ann"}, "deploy.approvers"),
    ],
)
def test_a_deploy_section_that_cannot_be_used(
    add_model: Callable[..., str], deploy: dict[str, Any], text: str
) -> None:
    add_model(deploy=deploy)
    with pytest.raises(ModelSpecInvalid, match=text):
        spec_of("shop")
