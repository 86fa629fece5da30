"""The tasks of the nightly validation."""

from __future__ import annotations

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.orchestration.model_task import BranchTask, ModelTask
from evergreen.orchestration.notifiers import notify
from evergreen.orchestration.run_context import Context, day_of, is_replay


class ValidateDay(BranchTask):
    """Checks the closed day, records the report and follows `passed` or `alert`."""

    def execute(self, context: Context) -> None:
        """Leave the report for later tasks, and branch."""
        from evergreen.monitor.validate_day import validate_day

        spec, day = spec_of(self.model), day_of(context)
        report = validate_day(spec, day, lake=open_lake(spec))
        open_ledger().put_measurement(
            self.model,
            day,
            "validation",
            verdict=report.verdict,
            body=report.body(),
            replay=is_replay(context),
        )
        self.follow(context, "passed" if report.passed else "alert", report.body())


class AlertDay(ModelTask):
    """Posts what is wrong with the day, once; a replay only logs it."""

    def execute(self, context: Context) -> str:
        """Return what was said."""
        day = f"{day_of(context):%Y-%m-%d}"
        problems = context["ti"].xcom_pull(task_ids="validate_day")["problems"]
        text = f"{self.model}: {day} failed its validation: {'; '.join(problems)}"[:1_000]
        if is_replay(context):
            self.log.info("replay, not posted: %s", text)
        else:
            key = f"{self.model}/{day}/validation"
            notify(open_ledger(), key, model=self.model, severity="warning", text=text)
        return text
