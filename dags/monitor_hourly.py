"""Watches one model: counts the hour that has just closed, judges it, decides.

**Decides** whether the model is `healthy`, whether people should know (`warn`), or whether it needs
a retraining (`request_retrain`) or its predecessor back (`request_rollback`). Every decision is in
the ledger, with its reasons, before anything acts on it.

A new champion is on probation for `deploy.probation` (72 hours) from its first impression on: it is
held against what the old one would have gone on earning. Failing that, `request_rollback` puts the
old one back by itself, and no gate promotes the failed version again.

**When** Every hour, about the hour before, as soon as the lake has closed it. An hour that is not
closed 20 minutes after its end, or after the run began to wait if that is later
(`lake.late_after`), is reported; after 6 hours (`lake.timeout`) the run fails and names the file
that is missing.

**Safe to run again** All of it. An hour is measured anew, a decision once taken stays, a rollback
and a message happen once. A backfill, or a manual run with `replay`, measures and never acts: no
message, no retraining, no rollback.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Label, chain

from evergreen.orchestration.assets import retrain_asset
from evergreen.orchestration.forms import replay_form
from evergreen.orchestration.models import model_dag, model_specs
from evergreen.orchestration.monitoring import (
    Decide,
    JudgeCtr,
    JudgeDrift,
    RequestRetrain,
    RequestRollback,
    SketchHour,
    Warn,
)
from evergreen.orchestration.schedules import every_hour
from evergreen.orchestration.sensors import WaitForHour

KIND = "monitor_hourly"
FORM = replay_form("Measure and decide, but never act: no message, retraining or rollback.")

for spec in model_specs(KIND):
    with model_dag(spec, KIND, doc=__doc__, form=FORM, **every_hour()):
        wait_for_hour = WaitForHour(
            task_id="wait_for_hour",
            doc_md="Waits for `_SUCCESS` of the hour without taking a worker.",
        )
        sketch_hour = SketchHour(
            task_id="sketch_hour",
            doc_md="Counts the hour's impressions, clicks, sources and bins into the ledger.",
        )
        judge_ctr = JudgeCtr(
            task_id="judge_ctr",
            doc_md="Is the click-through rate of the trailing window surely too low?",
        )
        judge_drift = JudgeDrift(
            task_id="judge_drift",
            doc_md="Has what the model is asked changed: inputs, scores, unanswered requests?",
        )
        decide = Decide(
            task_id="decide",
            doc_md="One decision from both verdicts, cooldown and budget; written down first.",
        )
        healthy = EmptyOperator(task_id="healthy", doc_md="Nothing to do; costs no worker.")
        warn = Warn(
            task_id="warn",
            doc_md="Says what is wrong and why nothing was started.",
        )
        request_retrain = RequestRetrain(
            task_id="request_retrain",
            outlets=[retrain_asset(spec.model)],
            doc_md="Opens an incident and starts `retrain` with the evidence.",
        )
        request_rollback = RequestRollback(
            task_id="request_rollback",
            doc_md="Puts back the version before, opens an incident, says why.",
        )

        chain(wait_for_hour, sketch_hour, [judge_ctr, judge_drift], decide)
        decide >> Label("nothing found") >> healthy
        decide >> Label("evidence, but not enough or too soon") >> warn
        decide >> Label("surely stale") >> request_retrain
        decide >> Label("worse than its predecessor") >> request_rollback
