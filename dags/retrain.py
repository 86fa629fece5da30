"""Trains a challenger, compares it with the champion, and lets the better one serve.

**Decides** whether the challenger is promoted: only when the lower bound of its gain on the newest
page views lies above zero and it beats popularity. Otherwise the champion stays, with the reason.
Where `deploy.approval` says so, a person decides: `ask_operator` waits for an answer to its form
(*Required Actions*), and takes `deploy.approval_default` after `deploy.approval_timeout`.

A set that cannot serve (incomplete, out of order, not scored by the promoted version) fails
`smoke_test`: the version before is released again, CURRENT flips back and an incident is open.

Nothing is trained on a window that Great Expectations finds damaged: hours that fail go into
quarantine and the run ends with the reason; started again, it leaves them out.

**When** The monitor asks (asset `<model> retrain requested`), or a person does (the form below), or
once a day at 03:00 UTC when the champion is older than `max_model_age`; on other days that run
skips. One run at a time; a request that waited while another run brought a newer champion skips.
Every run, also one that skips, first puts an alias back that a hand has moved, and tells people.
A run that takes longer than `train.deadline` (4 hours) is told of, once; nothing is stopped.

**Safe to run again** All of it. The frozen window has a run key; a step that has its result returns
it, so nothing is trained twice; a release and a message happen once. `force` trains although that
window was trained before; the gate still decides. If the champion changed meanwhile, `promote`
fails and says so: clear `evaluate` with its downstream tasks. A backfill of it trains nothing.
"""

from airflow.sdk import Label, chain

from evergreen.orchestration.approval import ask_operator
from evergreen.orchestration.assets import retrain_asset
from evergreen.orchestration.compute import mapped_step, step_task
from evergreen.orchestration.deadline import retrain_deadline
from evergreen.orchestration.forms import retrain_form
from evergreen.orchestration.models import model_dag, model_specs
from evergreen.orchestration.retraining import (
    RUN_DIR,
    CloseIncident,
    FreezeWindow,
    Gate,
    Hold,
    Promote,
    SmokeTest,
    ValidateDataset,
    ValidateWindow,
    champion_version,
)
from evergreen.orchestration.schedules import on_request_or_daily

KIND = "retrain"
EITHER = "none_failed_min_one_success"  # the gate leads here, or the person that it has asked
POOL = "evergreen_training"  # slots are declared in airflow_settings.yaml

for spec in model_specs(KIND):
    with model_dag(
        spec,
        KIND,
        doc=__doc__,
        form=retrain_form(spec),
        deadline=retrain_deadline(spec),
        user_defined_macros={"champion_version": champion_version},
        **on_request_or_daily(retrain_asset(spec.model), 3),
    ):
        freeze_window = FreezeWindow(task_id="freeze_window", doc_md="Fixes files, spec and code.")
        validate_window = ValidateWindow(
            task_id="validate_window", doc_md="Refuses hours that are missing or fail their suite."
        )
        build_dataset = step_task(
            spec,
            "build_dataset",
            run_dir=RUN_DIR,
            pool=POOL,
            doc_md="Candidates, features, labels; no row sees anything later than its page view.",
        )
        validate_dataset = ValidateDataset(
            task_id="validate_dataset", doc_md="Great Expectations over the rows to learn from."
        )
        train = mapped_step(
            spec,
            "train",
            validate_dataset.output,
            map_index_template="{{ task.arguments['variant'] }}",
            run_dir=RUN_DIR,
            pool=POOL,
            doc_md="One challenger for each variant; validation picks the best.",
        )
        evaluate = step_task(
            spec,
            "evaluate",
            run_dir=RUN_DIR,
            pool=POOL,
            arguments={"champion": f"{{{{ champion_version('{spec.model}') }}}}"},
            doc_md="Both models rank the same newest page views.",
        )
        gate = Gate(task_id="gate", doc_md="PROMOTE, HOLD or INCONCLUSIVE, with reasons.")
        ask = ask_operator(
            spec, task_id="ask_operator", doc_md="A person's answer; skipped if none is asked."
        )
        promote = Promote(
            task_id="promote", trigger_rule=EITHER, doc_md="One transaction in the ledger."
        )
        publish = step_task(
            spec,
            "publish",
            run_dir=RUN_DIR,
            arguments={
                "version": "{{ ti.xcom_pull(task_ids='promote')['version'] }}",
                "fence": "{{ ti.xcom_pull(task_ids='promote')['fence'] }}",
            },
            doc_md="Writes recommendations for every item, then flips CURRENT.",
        )
        smoke_test = SmokeTest(
            task_id="smoke_test", doc_md="Reads the set as a shop would, or restores the old one."
        )
        close_incident = CloseIncident(task_id="close_incident", doc_md="Alias, incident, message.")
        hold = Hold(task_id="hold", trigger_rule=EITHER, doc_md="Keeps the champion; says why.")

        chain(freeze_window, validate_window, build_dataset, validate_dataset)
        chain(validate_dataset, train, evaluate, gate)
        verdicts = [Label("better"), Label("a person decides"), Label("not surely better")]
        chain(gate, verdicts, [promote, ask, hold])
        chain(ask, [Label("Promote"), Label("Hold")], [promote, hold])
        chain(promote, publish, smoke_test, close_incident)
