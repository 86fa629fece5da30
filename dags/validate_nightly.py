"""Checks one model's events of yesterday before anything learns from them.

**Decides** which hours of the closed day must not be learned from. Facts about every hour are
judged by the suites in `great_expectations/expectations/`: all hours closed and readable with the
contract's columns, each event in its hour and only once, lists whole, clicks, propensities, prices,
versions and items that can be, features as the champion knows them. An expectation that is
`critical` puts its hour into quarantine, which training, baselines and sensors leave out; a
`warning` is reported. Days of the last five weeks whose hours came late or were landed again are
validated again in the same night: an hour that passes leaves quarantine by itself.

**When** Every night at 02:00 UTC, about the day before (UTC), as soon as its last hour is closed;
a day that does not close in time (`lake.timeout`) is judged as it is.

**Safe to run again** All of it: report, quarantine and Data Docs of a day are replaced, the same
findings are posted once. A backfill, or a manual run with `replay`, does all that for its own day
and alerts nobody.
"""

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Label, TriggerRule

from evergreen.orchestration.forms import replay_form
from evergreen.orchestration.models import model_dag, model_specs
from evergreen.orchestration.schedules import every_night
from evergreen.orchestration.sensors import WaitForDay
from evergreen.orchestration.validating import AlertDay, QuarantineHours, ValidateDay

KIND = "validate_nightly"
FORM = replay_form("Validate this day alone, and alert nobody.")

for spec in model_specs(KIND):
    with model_dag(spec, KIND, doc=__doc__, form=FORM, **every_night(2)):
        wait_for_day = WaitForDay(
            task_id="wait_for_day",
            doc_md="Waits until all 24 hours are closed, without taking a worker.",
        )
        validate_day = ValidateDay(
            task_id="validate_day",
            trigger_rule=TriggerRule.ALL_DONE,  # a day that never closes is judged as it is
            execution_timeout=timedelta(minutes=30),  # up to fifteen days of a big shop
            doc_md="Great Expectations over each hour and the day; its button opens the Data Docs.",
        )
        passed = EmptyOperator(task_id="passed", doc_md="The day can be learnt from.")
        quarantine_hours = QuarantineHours(
            task_id="quarantine_hours",
            doc_md="Makes sure that the hours that failed are in quarantine; its log says why.",
        )
        alert = AlertDay(
            task_id="alert",
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,  # warnings come without hours
            doc_md="Says what is wrong, which hours are out, and where the Data Docs are.",
        )

        wait_for_day >> validate_day
        validate_day >> Label("nothing found") >> passed
        validate_day >> Label("warnings") >> alert
        validate_day >> Label("errors") >> quarantine_hours >> alert
