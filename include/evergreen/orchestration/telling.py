"""What a retraining tells people: that it has started, its verdict, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evergreen.adapters.installation import open_ledger
from evergreen.config.durations import format_duration
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.alert import Alert, Topic
from evergreen.orchestration.links import report_url
from evergreen.orchestration.notifiers import notify

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger

Verdict = dict[str, Any]


def tell_started(model: str, frozen: dict[str, Any], ledger: Ledger, *, run: str | None) -> None:
    """Say in the open incident's thread that a retraining has started; without one say nothing.

    Args:
        run: address of the run.
    """
    incident = ledger.open_incident_of(model)
    if incident is None:
        return
    key = frozen["run_key"]
    notify(
        ledger,
        f"{model}/{incident.id}/{key}/retraining",
        alert=Alert.MODEL_STALE,
        model=model,
        severity="info",
        text=f"{model}: retraining started, run {key[:12]}",
        facts={
            "learns from": _days(frozen["window"]),
            "run": key[:12],
            "airflow_run_url": run,
        },
        topic=Topic.RETRAINING,
        status=f"retraining since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def tell_verdict(spec: ModelSpec, branch: str, verdict: Verdict, *, form: str | None) -> None:
    """Ask for a person's answer; in an incident's thread also say that a winner is published next.

    A challenger that is held needs no message of its own here: `tell_held` comes at once.

    Args:
        branch: the task that follows the gate.
        form: address of the form that asks.
    """
    ledger, version = open_ledger(), verdict["version"]
    key = f"{spec.model}/{verdict['run_key']}/{verdict['expected']}"
    said = f"{spec.model}: {verdict['verdict']} for version {version}"
    facts = _facts(spec.model, verdict, verdict["reasons"])
    if branch == "ask_operator":
        timeout = format_duration(spec.deploy.approval_timeout)
        notify(
            ledger,
            f"{key}/asked",
            alert=Alert.APPROVAL_WAITING,
            model=spec.model,
            severity="warning",
            text=f"{said}; a person is asked whether it may serve, within {timeout}",
            facts={
                **facts,
                "wants to serve": f"version {version}",
                "waits for": f"{timeout}, then {spec.deploy.approval_default}",
                "answer_url": form,
            },
            status=f"{verdict['verdict']}; a person is asked about version {version}",
        )
    elif branch == "promote" and ledger.open_incident_of(spec.model) is not None:
        notify(
            ledger,
            f"{key}/verdict",
            alert=Alert.CHALLENGER_PROMOTED,
            model=spec.model,
            severity="info",
            text=f"{said}; it is published next",
            facts=facts,
            topic=Topic.VERDICT,
            status=f"{verdict['verdict']}; version {version} is being published",
        )


def tell_promoted(
    model: str, version: int, verdict: Verdict, reasons: Sequence[str], ledger: Ledger
) -> str:
    """Say that a new version serves, and why; return what was said."""
    said = f"{model}: version {version} is champion: {'; '.join(reasons)}"
    text = f"{said}; report: {_report(model, verdict)}"
    before = f"version {verdict['expected']}" if verdict["expected"] else "none"
    notify(
        ledger,
        f"{model}/{verdict['run_key']}/promoted",
        alert=Alert.CHALLENGER_PROMOTED,
        model=model,
        severity="info",
        text=text,
        facts={
            "serves": f"version {version}",
            "before": before,
            **_facts(model, verdict, reasons),
        },
        status=f"deployed: version {version}",
    )
    return text


def tell_held(
    model: str, kept: str, verdict: Verdict, reasons: Sequence[str], ledger: Ledger
) -> str:
    """Say that the champion stays, and why; return what was said."""
    said = f"{model}: kept {kept} ({verdict['verdict']}): {'; '.join(reasons)}"
    text = f"{said}; report: {_report(model, verdict)}"
    notify(
        ledger,
        f"{model}/{verdict['run_key']}/{kept}/held",
        alert=Alert.CHALLENGER_HELD,
        model=model,
        severity="warning",
        text=text,
        facts={"serves": kept, **_facts(model, verdict, reasons)},
        status=f"held: {kept} stays",
    )
    return text


def _days(window: dict[str, str]) -> str:
    start, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"


def _facts(model: str, verdict: Verdict, reasons: Sequence[str]) -> dict[str, Any]:
    return {
        "verdict": verdict["verdict"],
        "reasons": list(reasons),
        "report_url": _report(model, verdict),
    }


def _report(model: str, verdict: Verdict) -> str:
    return report_url(model, verdict["run_key"], verdict["expected"])
