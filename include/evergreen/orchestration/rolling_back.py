"""The tasks of a rollback: an older version becomes champion again, for a reason."""

from __future__ import annotations

from typing import Any

from evergreen.adapters.installation import open_ledger, open_published, spec_of
from evergreen.domain.alert import Alert
from evergreen.orchestration.following import follow_ledger
from evergreen.orchestration.model_task import ModelTask
from evergreen.orchestration.notifiers import notify
from evergreen.orchestration.run_context import Context


class RollBack(ModelTask):
    """Records the release of the version that the form names."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return version and fence of the release."""
        from evergreen.release.rollback import roll_back

        params, spec = context["params"], spec_of(self.model)
        release = roll_back(
            spec,
            version=params["version"],
            reason=params["reason"],
            ledger=open_ledger(),
            published=open_published(spec),
        )
        return {"version": release.version, "fence": release.fence}


class FollowLedger(ModelTask):
    """Flips CURRENT and the registry's alias to the ledger's champion (its set is published)."""

    def execute(self, context: Context) -> str:
        """Return what was changed."""
        return follow_ledger(spec_of(self.model), open_ledger())


class AnnounceRollback(ModelTask):
    """Tells people, in the incident's thread where one is open, and closes the incident."""

    def execute(self, context: Context) -> str:
        """Return what was said."""
        release, ledger = context["ti"].xcom_pull(task_ids="roll_back"), open_ledger()
        version = release["version"]
        text = f"{self.model}: rolled back to version {version}: {context['params']['reason']}"
        outcome = f"rolled back to version {version}"
        notify(
            ledger,
            f"{self.model}/{release['fence']}/rollback",
            alert=Alert.ROLLED_BACK,
            model=self.model,
            severity="warning",
            text=text,
            facts={"serves": f"version {version}", "reasons": [context["params"]["reason"]]},
            status=outcome,
        )
        ledger.close_incident(self.model, outcome=outcome)
        return text
