"""The tasks of the hourly monitor: each calls one function of `evergreen.monitor` for one hour."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from evergreen.adapters.installation import open_lake, open_ledger, open_published, spec_of
from evergreen.domain.alert import Alert
from evergreen.domain.errors import EvergreenError
from evergreen.domain.windows import hour_key
from evergreen.orchestration.assets import retrain_asset
from evergreen.orchestration.evidence_facts import facts_of
from evergreen.orchestration.following import follow_ledger
from evergreen.orchestration.model_task import BranchTask, ModelTask
from evergreen.orchestration.notifiers import Severity, notify
from evergreen.orchestration.run_context import Context, hour_of, is_replay

Decided = dict[str, Any]
ELSEWHERE = (
    "this model is trained elsewhere: {owner} must retrain it there, then run `evergreen profile "
    "make` for the new version"
)


class SketchHour(ModelTask):
    """Counts the hour's impressions, clicks, sources and bins into the ledger."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the counts."""
        from evergreen.monitor.measure import measure_hour

        spec = spec_of(self.model)
        return measure_hour(
            spec,
            hour_of(context),
            lake=open_lake(spec),
            ledger=open_ledger(),
            replay=is_replay(context),
        )


class JudgeCtr(ModelTask):
    """Judges the click-through rate of the trailing window."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return estimate, bound and verdict."""
        from evergreen.monitor.ctr import judge_ctr

        return judge_ctr(
            spec_of(self.model), hour_of(context), ledger=open_ledger(), replay=is_replay(context)
        )


class JudgeDrift(ModelTask):
    """Judges what the model is fed and how often it has no answer."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return verdict, reason and the columns that have drifted."""
        from evergreen.monitor.decide import evidence_of
        from evergreen.monitor.drift import judge_drift

        said = judge_drift(
            spec_of(self.model), hour_of(context), ledger=open_ledger(), replay=is_replay(context)
        )
        return evidence_of(said)


class Decide(BranchTask):
    """Turns the hour's verdicts into one decision, on record before anything acts on it."""

    def execute(self, context: Context) -> None:
        """Leave the decision for later tasks and follow only the branch of its action's name."""
        from evergreen.monitor.decide import decide

        replay = is_replay(context)
        decision = decide(
            spec_of(self.model), hour_of(context), ledger=open_ledger(), replay=replay
        )
        action = decision["action"]
        if replay and action.startswith("request"):  # a replay never acts, whatever was decided
            action = "warn"
        self.follow(context, action, decision)


class Warn(ModelTask):
    """Posts the decision's reasons, once a day for the same sensors; a replay only logs them."""

    alert = Alert.MODEL_SUSPECT
    severity: Severity = "warning"
    once_a = "%Y-%m-%d"  # how much of the hour tells two messages apart

    def execute(self, context: Context) -> Decided:
        """Return the decision."""
        decision = decision_of(context)
        text = self.text(hour_of(context), decision)
        if is_replay(context) or not decision["tell"]:
            self.log.info("not posted: %s", text)
            return decision
        period = hour_of(context).strftime(self.once_a)
        key = f"{self.model}/{period}/{'+'.join(decision['sensors'])}/{self.task_id}"
        notify(
            open_ledger(),
            key,
            alert=self.alert,
            model=self.model,
            severity=self.severity,
            text=text,
            facts=self.facts(decision),
            status=self.status(),
        )
        return decision

    def text(self, hour: datetime, decision: Decided) -> str:
        """Return the message."""
        return f"{self.model} {hour_key(hour)}: " + "; ".join(decision["reasons"])

    def facts(self, decision: Decided) -> dict[str, Any]:
        """Return what Slack shows: estimate, interval, since when, how sure, the reasons."""
        return facts_of(decision)

    def status(self) -> str | None:
        """Return how the model's incident stands after this; None where it is as before."""
        return None


class RequestRetrain(Warn):
    """Opens an incident and updates its outlet, the model's retrain asset, with the evidence."""

    alert = Alert.MODEL_STALE
    once_a = "%Y-%m-%dT%H"

    def execute(self, context: Context) -> Decided:
        """Return the decision; the asset event is sent when the task succeeds."""
        if is_replay(context):  # reached only by hand: an event here would retrain on the past
            raise AirflowSkipException("a replay asks for no retraining")
        hour, asked = hour_of(context), decision_of(context)
        open_ledger().open_incident(self.model, hour, evidence=asked["evidence"])
        decision = super().execute(context)
        context["outlet_events"][retrain_asset(self.model)].extra = {
            "model": self.model,
            "hour": hour_key(hour),
            "champion": decision["champion"],
            "reasons": decision["reasons"],
            "evidence": decision["evidence"],
        }
        return decision

    def text(self, hour: datetime, decision: Decided) -> str:
        """Return the message; of a model that is trained elsewhere, who must act."""
        spec, said = spec_of(self.model), super().text(hour, decision)
        return said if spec.train.enabled else f"{said}; {ELSEWHERE.format(owner=spec.owner)}"

    def facts(self, decision: Decided) -> dict[str, Any]:
        """Return what Slack shows; of a model that is trained elsewhere, who must act."""
        spec, said = spec_of(self.model), super().facts(decision)
        return said if spec.train.enabled else {**said, "todo": ELSEWHERE.format(owner=spec.owner)}

    def status(self) -> str:
        """Return what is waited for."""
        spec = spec_of(self.model)
        if spec.train.enabled:
            return "noticed; a retraining is asked for"
        return f"noticed; {spec.owner} must retrain it elsewhere"


class RequestRollback(ModelTask):
    """Puts the version back that the failing champion replaced, opens an incident, tells people.

    Run again it finds what it did: one release, one incident, one message.
    """

    def execute(self, context: Context) -> Decided:
        """Return the decision."""
        from evergreen.release.probation import roll_back_failed

        decision = decision_of(context)
        if is_replay(context):  # reached only by hand
            raise AirflowSkipException("a replay rolls nothing back")
        spec, ledger = spec_of(self.model), open_ledger()
        verdict, evidence = decision["evidence"]["probation"], decision["evidence"]
        key = f"{self.model}/{verdict['fence']}/probation"
        if ledger.was_said(key):
            return decision
        hour, failed = hour_of(context), f"version {verdict['version']}"
        try:
            release = roll_back_failed(
                spec, verdict=verdict, ledger=ledger, published=open_published(spec)
            )
        except EvergreenError:
            ledger.open_incident(self.model, hour, evidence=evidence)
            raise
        if release is None:
            raise AirflowSkipException(f"{failed} was replaced before this could roll it back")
        ledger.open_incident(self.model, hour, evidence=evidence)
        follow_ledger(spec, ledger)
        text = (
            f"{self.model} {hour_key(hour)}: {failed} failed its probation and was rolled back to "
            f"version {release.version}; no gate promotes it again: "
            f"{'; '.join(decision['reasons'])}"
        )
        notify(
            ledger,
            key,
            alert=Alert.PROBATION_FAILED,
            model=self.model,
            severity="error",
            text=text,
            facts={
                "failed": failed,
                "serves again": f"version {release.version}",
                "hour": hour_key(hour),
                "reasons": decision["reasons"],
            },
            status=f"rolled back to version {release.version}; {failed} failed its probation",
        )
        return decision


def decision_of(context: Context) -> Decided:
    """Return what `decide` decided in this run."""
    return context["ti"].xcom_pull(task_ids="decide")
