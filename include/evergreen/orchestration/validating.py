"""The tasks of the nightly validation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.domain.alert import Alert
from evergreen.monitor.day_report import listed
from evergreen.orchestration.links import DOCS_RUN, DataDocsLink, data_docs_url
from evergreen.orchestration.model_task import BranchTask, ModelTask
from evergreen.orchestration.notifiers import notify
from evergreen.orchestration.run_context import Context, day_of, is_replay

Report = dict[str, Any]
TEXT_LENGTH = 1_000
FINDINGS_SAID = 5
MAX_FINDINGS = 50
HOURS_SAID = 6


class ValidateDay(BranchTask):
    """Validates the closed day and earlier days that have changed, and branches on what it found.

    Hours that fail are in quarantine, and the Data Docs are there, when it ends.
    """

    operator_extra_links = (DataDocsLink(),)

    def execute(self, context: Context) -> None:
        """Leave the reports for later tasks, and follow the branch of the worst one."""
        from evergreen.orchestration.nightly import validate_night

        day, replay = day_of(context), is_replay(context)
        reports = validate_night(spec_of(self.model), day, replay=replay, say=self.log.info)
        for report in reports:
            found = f"{report.errors} errors, {report.warnings} warnings"
            self.log.info("%s %s: %s", report.run, report.verdict, found)
            for hour in report.released:
                self.log.info("%s has left quarantine: it passes now", hour)
        context["ti"].xcom_push(key=DOCS_RUN, value=reports[0].run)
        actions = {report.action for report in reports}
        branches = ("quarantine_hours", "alert", "passed")
        branch = next(name for name in branches if name in actions)
        self.follow(context, branch, {"days": [report.body() for report in reports]})


class QuarantineHours(ModelTask):
    """Makes sure that the hours that failed are in quarantine, and logs how each gets out again."""

    def execute(self, context: Context) -> list[str]:
        """Return the hours.

        Raises:
            QuarantineLost: one of them is not, and no person has released it since.
        """
        from evergreen.monitor.in_quarantine import require_quarantined

        hours = [hour for report in reports_of(context) for hour in report["quarantined"]]
        for record in require_quarantined(self.model, hours, open_ledger()):
            self.log.info("%s", record)
        return hours


class AlertDay(ModelTask):
    """Posts what is wrong with each day, once for the same findings; a replay only logs it.

    Hours that were landed again and fail again are said again.
    """

    def execute(self, context: Context) -> list[str]:
        """Return what was said."""
        from evergreen.monitor.failed_landings import failed_landings

        found = [report for report in reports_of(context) if report["findings"]]
        texts = [self.text(report) for report in found]
        for report, text in zip(found, texts, strict=True):
            if is_replay(context):
                self.log.info("replay, not posted: %s", text)
                continue
            ledger, day = open_ledger(), datetime.fromisoformat(report["day"])
            landing = failed_landings(self.model, day, ledger)
            about = "-".join(part for part in (report["digest"], landing) if part)
            key = f"{self.model}/{report['run']}/validation/{about}"
            severity = "error" if report["quarantined"] else "warning"
            notify(
                ledger,
                key,
                alert=Alert.HOURS_QUARANTINED,
                model=self.model,
                severity=severity,
                text=text,
                facts=self.facts(report),
            )
        return texts

    def facts(self, report: Report) -> dict[str, Any]:
        """Return what Slack shows."""
        hours = report["quarantined"]
        return {
            "day": report["run"],
            "found": f"{report['errors']} errors, {report['warnings']} warnings",
            "in quarantine": listed(hours, HOURS_SAID) or "nothing",
            "reasons": report["findings"][:MAX_FINDINGS],
            "data_docs_url": data_docs_url(self.model, report["run"]),
        }

    def text(self, report: Report) -> str:
        """Return what failed, which hours are in quarantine, and where the details are."""
        said = "failed its validation" if report["errors"] else "passed with warnings"
        link = f"; Data Docs: {data_docs_url(self.model, report['run'])}"
        out = listed(report["quarantined"], HOURS_SAID)
        quarantined = f"; in quarantine: {out}" if out else ""
        rest = report["errors"] + report["warnings"] - FINDINGS_SAID
        more = f" and {rest} more" if rest > 0 else ""
        head = f"{self.model}: {report['run']} {said}: "
        room = TEXT_LENGTH - len(head) - len(quarantined) - len(link) - len(more)
        findings = "; ".join(report["findings"][:FINDINGS_SAID])
        short = findings if len(findings) <= room else findings[: max(room - 1, 0)] + "…"
        return f"{head}{short}{more}{quarantined}{link}"


def reports_of(context: Context) -> list[Report]:
    """Return the reports of this run's days."""
    return list(context["ti"].xcom_pull(task_ids="validate_day")["days"])
