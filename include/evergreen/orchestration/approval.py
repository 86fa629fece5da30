"""`ask_operator`: a person decides, in Airflow's own form (*Required Actions*) or by its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.standard.operators.hitl import HITLBranchOperator
from airflow.sdk import Param

from evergreen.adapters.installation import open_ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.approval import ApprovalRecord
from evergreen.orchestration.links import ReportLink, report_url
from evergreen.orchestration.model_task import ModelTask
from evergreen.orchestration.run_context import Context

BRANCHES = {"Promote": "promote", "Hold": "hold"}
OPTION_OF = {branch: option for option, branch in BRANCHES.items()}
NOTE_LENGTH = 500


class AskOperator(HITLBranchOperator, ModelTask):
    """Shows the verdict and waits for Promote or Hold; occupies no worker and no slot meanwhile.

    Make it with `ask_operator`.
    """

    operator_extra_links = (ReportLink(),)

    def execute(self, context: Context) -> None:
        """Open the form and wait; ends by an exception of Airflow's."""
        from evergreen.orchestration.approval_form import form_body

        verdict = _verdict(context)
        report = report_url(self.model, verdict["run_key"], verdict["expected"])
        self.subject = f"{self.model}: {verdict['verdict']}. Promote version {verdict['version']}?"
        self.body = form_body(self.model, verdict, report)
        # Airflow makes the button when a task ends, but here it is wanted while the task waits.
        context["ti"].xcom_push(key=ReportLink().xcom_key, value=report)
        super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Keep who answered what, and follow the branch that was chosen."""
        from evergreen.release.approval import keep_answer

        if "error" not in event:
            record = record_of(event)
            self.log.info("%s", record.in_words())
            keep_answer(open_ledger(), _verdict(context)["run_key"], record)
            context["ti"].xcom_push(key="return_value", value=record.body())
        return super().execute_complete(context, event)


def ask_operator(spec: ModelSpec, **options: Any) -> AskOperator:
    """Return the task that asks about a model, with the deploy section's users and timeout."""
    deploy = spec.deploy
    note = Param(  # None, as with "" the form's button stays dark
        None,
        type=["null", "string"],
        title="Note",
        maxLength=NOTE_LENGTH,
        description="Why? Kept in the ledger.",
    )
    return AskOperator(
        subject=f"{spec.model}: promote?",
        options=list(BRANCHES),
        options_mapping=BRANCHES,
        defaults=OPTION_OF[deploy.approval_default],
        response_timeout=deploy.approval_timeout,
        assigned_users=[{"id": name, "name": name} for name in deploy.approvers],
        params={"note": note},
        **options,
    )


def record_of(event: Mapping[str, Any]) -> ApprovalRecord:
    """Return what Airflow's event says was answered; at the timeout nobody did."""
    user = event["responded_by_user"]
    return ApprovalRecord(
        answer=BRANCHES[event["chosen_options"][0]],  # type: ignore[arg-type]
        by=None if user is None else str(user["name"] or user["id"]),
        at=event["responded_at"].isoformat(),
        note=str((event["params_input"] or {}).get("note") or "").strip(),
    )


def _verdict(context: Context) -> dict[str, Any]:
    said: dict[str, Any] = context["ti"].xcom_pull(task_ids="gate")
    return said
