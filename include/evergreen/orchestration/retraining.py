"""The tasks of a retraining that decide and record; the work itself is in steps (`compute.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from evergreen.adapters.data_docs import dataset_run, window_run
from evergreen.adapters.installation import (
    open_data_docs,
    open_lake,
    open_ledger,
    open_registry,
    spec_of,
)
from evergreen.config.durations import parse_duration
from evergreen.config.settings import settings
from evergreen.domain.approval import next_task
from evergreen.domain.errors import ChampionChanged
from evergreen.domain.windows import parse_hour
from evergreen.orchestration.assets import newest_request
from evergreen.orchestration.due import age_of_champion
from evergreen.orchestration.following import follow_ledger, notice_alias
from evergreen.orchestration.links import (
    DOCS_RUN,
    MLFLOW_RUN,
    REPORT,
    DataDocsLink,
    MlflowRunLink,
    ReportLink,
    answer_url,
    report_url,
    run_url,
)
from evergreen.orchestration.model_task import BranchTask, ModelTask
from evergreen.orchestration.run_context import Context, is_replay, run_type_of
from evergreen.orchestration.smoking import smoke_or_restore
from evergreen.orchestration.telling import (
    tell_held,
    tell_promoted,
    tell_started,
    tell_verdict,
)

if TYPE_CHECKING:
    from evergreen.adapters.data_docs import DataDocs
    from evergreen.adapters.ledger import Release

RUN_DIR = "{{ ti.xcom_pull(task_ids='freeze_window')['run_dir'] }}"


class FreezeWindow(ModelTask):
    """Fixes what this retraining learns from, and so its run key.

    A request of the monitor freezes the window that ends with the hour of the request; every other
    run takes the newest closed hour. A run by cron skips while the champion is young; a run by
    request when a newer champion has come while the request waited for its turn. Before that, an
    alias that a hand has moved is put back, and people are told.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the frozen window: run key, run directory, trigger and reason."""
        from evergreen.trainer.freeze import freeze_window

        if is_replay(context):
            raise AirflowSkipException(
                "a replay trains and deploys nothing; to retrain, trigger this DAG by its form"
            )
        spec, ledger, params = spec_of(self.model), open_ledger(), context["params"]
        notice_alias(spec, ledger)
        lake = open_lake(spec)
        champion = ledger.champion(self.model)
        trigger = run_type_of(context).removesuffix("_triggered")
        request = newest_request(
            event for events in context["triggering_asset_events"].values() for event in events
        )
        reason = params["reason"] or "; ".join(request.get("reasons", ()))
        if champion and _is_answered(request, reason, champion):
            answer = f"answered by version {champion.version} of {champion.released_at:%F %R}"
            ledger.close_incident(self.model, outcome=answer)
            raise AirflowSkipException(f"the request of {request['hour']} is {answer}")
        if trigger == "scheduled":
            age = age_of_champion(spec, champion, lake)
            if not age.due:
                raise AirflowSkipException(age.text)
            reason = age.text
        frozen = freeze_window(
            spec,
            lake=lake,
            ledger=ledger,
            settings=settings(),
            until=spec.lake.mature_end(parse_hour(request["hour"])) if request else None,
            window=parse_duration(params["window"]),
            force=params["force"],
            reason=reason,
            trigger=trigger,
        )
        tell_started(self.model, frozen, ledger, run=_run_url(context))
        return {**frozen, "trigger": trigger, "reason": reason}


class ValidateWindow(ModelTask):
    """Refuses a frozen window with missing hours, broken files, or hours in quarantine."""

    operator_extra_links = (DataDocsLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was checked."""
        from evergreen.trainer.validate import validate_window

        frozen, docs = _pull(context, "freeze_window"), open_data_docs(spec_of(self.model))
        with _docs_linked(context, docs, window_run(frozen["run_key"])):
            return validate_window(frozen["run_dir"], ledger=open_ledger(), docs=docs)


class ValidateDataset(ModelTask):
    """Refuses rows to learn from that the model's suite of the training frame finds wrong."""

    operator_extra_links = (DataDocsLink(),)

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Return the arguments of each `train`: the variants as the window was frozen with them.

        The DAG file may have been parsed with others.
        """
        from evergreen.monitor.measure import champion_profile
        from evergreen.trainer.dataset_quality import validate_dataset
        from evergreen.trainer.manifest import RunDir

        frozen, docs = _pull(context, "freeze_window"), open_data_docs(spec_of(self.model))
        profile = champion_profile(self.model, open_ledger())
        with _docs_linked(context, docs, dataset_run(frozen["run_key"])):
            said = validate_dataset(frozen["run_dir"], profile=profile, docs=docs)
        self.log.info("%s rows may be trained on; warnings: %s", said["rows"], said["warnings"])
        return [{"variant": each} for each in RunDir(frozen["run_dir"]).spec().train.variants]


class Gate(BranchTask):
    """Compares challenger and champion (the one that `evaluate` met), and says what follows.

    `ask_operator` where `deploy.approval` wants a person; a replay asks nobody, and holds.
    """

    operator_extra_links = (ReportLink(), MlflowRunLink())

    def execute(self, context: Context) -> None:
        """Leave the verdict with its reasons for later tasks, and branch."""
        from evergreen.trainer.gate_run import gate
        from evergreen.trainer.report import write_report

        run_dir = _pull(context, "freeze_window")["run_dir"]
        champion = int(_pull(context, "evaluate")["arguments"]["champion"]) or None
        verdict = gate(run_dir, champion_version=champion, ledger=open_ledger())
        self.log.info("%s: %s", verdict["verdict"], "; ".join(verdict["reasons"]))
        registry = open_registry()
        write_report(run_dir, verdict, registry=registry)
        context["ti"].xcom_push(key=REPORT, value=_report(self.model, verdict))
        page = registry.run_page(self.model, verdict["version"], settings().mlflow_ui)
        context["ti"].xcom_push(key=MLFLOW_RUN, value=page)
        approval = spec_of(self.model).deploy.approval
        branch = next_task(verdict["verdict"], approval, may_ask=not is_replay(context))
        if branch == "hold" and verdict["verdict"] == "PROMOTE":
            asks_nobody = f"a replay asks nobody (deploy.approval: {approval})"
            verdict = {**verdict, "reasons": [*verdict["reasons"], asks_nobody]}
        if not is_replay(context):
            tell_verdict(spec_of(self.model), branch, verdict, form=_run_url(context, answer_url))
        self.follow(context, branch, verdict)


class Promote(ModelTask):
    """Makes the challenger champion in the ledger, if the champion is still the one it beat."""

    operator_extra_links = (ReportLink(), MlflowRunLink())

    def execute(self, context: Context) -> dict[str, Any]:
        """Return version and fence of the release."""
        from evergreen.release.promote import promote
        from evergreen.trainer.digest import trained_digest

        verdict, frozen = _pull(context, "gate"), _pull(context, "freeze_window")
        approval = _pull(context, "ask_operator")
        try:
            release = promote(
                spec_of(self.model),
                version=verdict["version"],
                expected=verdict["expected"],
                run_key=verdict["run_key"],
                as_of=datetime.fromisoformat(verdict["as_of"]),
                reason="; ".join(_reasons(verdict, approval)),
                evidence={
                    **verdict["evidence"],
                    "model_sha256": trained_digest(frozen["run_dir"]),
                    **({"approval": approval} if approval else {}),
                    "trigger": frozen["trigger"],
                    "requested": frozen["reason"],
                },
                ledger=open_ledger(),
            )
        except ChampionChanged as error:
            raise ChampionChanged(
                f"{error}. Clear `evaluate` with its downstream tasks: that compares the "
                f"challenger with the champion of now"
            ) from None
        return {"version": release.version, "fence": release.fence}


class SmokeTest(ModelTask):
    """Reads the published set as a shop would; one that cannot serve gives way to the one before.

    Then the ledger releases the version before again, CURRENT flips back, an incident is open, and
    the task fails with the reason.
    """

    def execute(self, context: Context) -> None:
        """Raise when the set cannot serve."""
        made = _pull(context, "promote")
        smoke_or_restore(
            spec_of(self.model),
            version=made["version"],
            fence=made["fence"],
            ledger=open_ledger(),
        )


class CloseIncident(ModelTask):
    """Brings CURRENT and the registry's alias in line with the ledger, and tells people."""

    def execute(self, context: Context) -> str:
        """Return what was said."""
        spec, ledger = spec_of(self.model), open_ledger()
        follow_ledger(spec, ledger)
        version, verdict = _pull(context, "promote")["version"], _pull(context, "gate")
        reasons = _reasons(verdict, _pull(context, "ask_operator"))
        text = tell_promoted(self.model, version, verdict, reasons, ledger)
        ledger.close_incident(self.model, outcome=f"promoted version {version}")
        return text


class Hold(ModelTask):
    """Keeps the champion and tells people why."""

    operator_extra_links = (ReportLink(), MlflowRunLink())

    def execute(self, context: Context) -> str:
        """Return what was said."""
        verdict, ledger = _pull(context, "gate"), open_ledger()
        kept = f"version {verdict['expected']}" if verdict["expected"] else "no champion"
        reasons = _reasons(verdict, _pull(context, "ask_operator"))
        text = tell_held(self.model, kept, verdict, reasons, ledger)
        ledger.close_incident(self.model, outcome=f"{verdict['verdict']}: kept {kept}")
        return text


def champion_version(model: str) -> str:
    """Return the version that is champion now, "0" for none (a macro: runs with the task)."""
    champion = open_ledger().champion(model)
    return str(champion.version if champion else 0)


def _is_answered(request: dict[str, Any], reason: str, champion: Release) -> bool:
    """Say whether a newer champion has come than the one that the request is about.

    Unless it came by this very request: then the run was cleared, and must finish what it began.
    """
    newer = "champion" in request and champion.version > (request["champion"] or 0)
    return newer and champion.evidence.get("requested") != reason


@contextmanager
def _docs_linked(context: Context, docs: DataDocs, run: str) -> Iterator[None]:
    """Point the task's button at a run's Data Docs when it ends, and when it is refused by them.

    A window whose hours were all validated before leaves none.
    """
    try:
        yield
    finally:
        if docs.has(run):
            context["ti"].xcom_push(key=DOCS_RUN, value=run)


def _run_url(context: Context, address: Callable[[str, str], str] = run_url) -> str | None:
    run = context["dag_run"]
    run_id = getattr(run, "run_id", None)
    return address(run.dag_id, run_id) if run_id else None


def _report(model: str, verdict: dict[str, Any]) -> str:
    return report_url(model, verdict["run_key"], verdict["expected"])


def _reasons(verdict: dict[str, Any], approval: dict[str, Any] | None) -> list[str]:
    """Return the gate's reasons, and what a person answered where one was asked."""
    return [*verdict["reasons"], *([approval["text"]] if approval else [])]


def _pull(context: Context, task_id: str) -> Any:
    return context["ti"].xcom_pull(task_ids=task_id)
