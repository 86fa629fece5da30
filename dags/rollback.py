"""Makes an older version of a model champion again.

**Decides** nothing: a person names the version and the reason. A version that was never released,
or whose published set is gone, is refused, and the text says which ones there are. One that its
probation rolled back may be put back here, and only here: no gate promotes it again.

**When** By hand only (the form below).

**Safe to run again** All of it: the same version is released once, and CURRENT never goes back to
an older release. The next promotion replaces the version as it would any champion.
"""

from airflow.sdk import chain

from evergreen.orchestration.forms import rollback_form
from evergreen.orchestration.models import model_dag, model_specs
from evergreen.orchestration.rolling_back import AnnounceRollback, FollowLedger, RollBack

KIND = "rollback"

for spec in model_specs(KIND):
    with model_dag(spec, KIND, doc=__doc__, form=rollback_form(), schedule=None):
        roll_back = RollBack(task_id="roll_back", doc_md="One transaction in the ledger.")
        publish = FollowLedger(
            task_id="publish",
            doc_md="Flips CURRENT and the registry's alias; the version's set is still there.",
        )
        close_incident = AnnounceRollback(task_id="close_incident", doc_md="Incident and message.")

        chain(roll_back, publish, close_incident)
