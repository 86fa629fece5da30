"""Checks one model's events of yesterday before anything learns from them.

**Decides** whether the closed day is whole: all 24 hours closed, every file readable with the
contract's columns and types and with as many rows as its `_SUCCESS` says, no collapse against the
same weekday a week before (`validate:` in `model.yaml`).

**When** Every night at 02:00 UTC, about the day before (UTC), as soon as its last hour is closed.

**Safe to run again** All of it: the report of a day is replaced, its alert is posted once. A
backfill records reports and alerts nobody.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Label, Param, chain

from evergreen.orchestration.models import model_dag, model_specs
from evergreen.orchestration.schedules import every_night
from evergreen.orchestration.sensors import WaitForDay
from evergreen.orchestration.validating import AlertDay, ValidateDay

KIND = "validate_nightly"
FORM = {
    "replay": Param(False, type="boolean", description="Record the report, alert nobody."),
}

for spec in model_specs(KIND):
    with model_dag(spec, KIND, doc=__doc__, form=FORM, **every_night(2)):
        wait_for_day = WaitForDay(
            task_id="wait_for_day",
            doc_md="Waits until all 24 hours are closed, without taking a worker.",
        )
        validate_day = ValidateDay(
            task_id="validate_day",
            doc_md="Completeness, row counts and schema; the report goes to the ledger.",
        )
        passed = EmptyOperator(task_id="passed", doc_md="The day can be learnt from.")
        alert = AlertDay(task_id="alert", doc_md="Says what is wrong.")

        chain(wait_for_day, validate_day, [Label("whole"), Label("broken")], [passed, alert])
