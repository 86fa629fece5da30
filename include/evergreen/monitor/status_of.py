"""From what the ledger knows of a model to how it is. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from evergreen.adapters.ledger import Measurement
from evergreen.adapters.ledger_views import DecisionView, ReleaseView, RunView
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.gate import GateVerdict
from evergreen.domain.health import Facts, State, judge_health
from evergreen.domain.probation import LATEST_START
from evergreen.domain.trigger import DAY, Action
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, parse_hour
from evergreen.monitor.status import (
    Champion,
    CtrNow,
    DriftedColumn,
    DriftNow,
    LastDecision,
    LastRun,
    ModelStatus,
    OpenIncident,
    Spark,
    Trial,
)
from evergreen.monitor.status_facts import Record


def status_of(spec: ModelSpec, record: Record, *, now: datetime) -> ModelStatus:
    """Return how the model is.

    Parameters:
        now: by the wall clock; silence is measured with it, everything else by the lake's hours.

    Raises:
        KeyError, TypeError, ValueError: a body of the ledger is not what a sensor writes.
    """
    newest = next((said.hour for said in record.measured.values()), None)
    silent = max(now - record.measured_at, timedelta(0)) if record.measured_at else None
    end = newest + HOUR if newest else now
    ctr, drift = _ctr(record.measured.get("ctr")), _drift(record.measured.get("drift"))
    trial = _trial(spec, record, end)
    decision = record.decision
    state = judge_health(
        Facts(
            silent=silent,
            has_champion=record.release is not None or not spec.train.enabled,
            incident=record.incident is not None,
            action=_action_in_force(decision, record.release),
            short_of_data=_short_of_data(ctr, drift),
            held=_is_held(record.run, record.release),
            on_probation=trial is not None,
        )
    )
    return ModelStatus(
        model=spec.model,
        state=state,
        headline=headline(state, record, trial, silent),
        description=spec.description,
        owner=spec.owner,
        trained_here=spec.train.enabled,
        silent_hours=None if silent is None else round(silent / HOUR, 2),
        measured_hour=newest,
        ctr=ctr,
        drift=drift,
        champion=_champion(record.release, end),
        probation=trial,
        decision=_decision(decision),
        quarantined_hours=record.quarantined_hours,
        incident=OpenIncident(hour=record.incident.hour, opened_at=record.incident.opened_at)
        if record.incident
        else None,
        undelivered=record.undelivered,
        run=_run(record.run),
        spark=_spark(record),
    )


def headline(state: State, record: Record, trial: Trial | None, silent: timedelta | None) -> str:
    """Return the state in one sentence."""
    run, incident = record.run, record.incident
    if state is State.STALE and incident is not None:
        training = run is not None and run.closed_at is None and run.opened_at > incident.opened_at
        asked = record.decision is not None and record.decision.action == Action.REQUEST_RETRAIN
        if training or asked:
            doing = "retraining" if training else "a retraining was asked for"
            return f"Stale since {_spelt(incident.hour)}: {doing}"
        return f"An incident is open since {_spelt(incident.hour)}"  # a rollback, a smoke test
    if state is State.SILENT and silent is not None:
        return f"Nothing measured for {silent / HOUR:.0f} hours"
    if state is State.HELD and run is not None:
        return f"The challenger was not better ({run.verdict}): the champion stays"
    if state is State.PROBATION and trial is not None:
        until = f" until {_spelt(parse_hour(trial.until))}" if trial.until else ""
        return f"On probation{until}"
    return {
        State.WARNING: "Something is suspicious; nothing was started",
        State.NO_DATA: "Too little data to judge"
        if record.measured
        else "Nothing has been measured yet",
        State.NO_CHAMPION: "No version has been released yet",
    }.get(state, "As expected")


def _action_in_force(said: DecisionView | None, release: ReleaseView | None) -> str | None:
    """Return what was decided about the champion; of the one before it nothing counts any more."""
    if said is None or (release is not None and said.decided_at < release.released_at):
        return None
    return said.would or said.action


def _spelt(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ctr(said: Measurement | None) -> CtrNow | None:
    if said is None:
        return None
    body: Mapping[str, Any] = said.body
    share = body["ctr"]
    return CtrNow(
        verdict=said.verdict,
        reason=str(body["reason"]),
        value=share["value"],
        lower=share["lower"],
        upper=share["upper"],
        clicks=int(share["successes"]),
        impressions=int(share["trials"]),
        expected=body["expected"],
        bound=body["bound"],
        evidence=body["evidence"],
        level=body["level"],
        since=body["since"],
    )


def _drift(said: Measurement | None) -> DriftNow | None:
    if said is None:
        return None
    drifted = [column for column in said.body["columns"] if column["verdict"] == Verdict.YES]
    fallback = said.body.get("fallback") or {}
    return DriftNow(
        verdict=said.verdict,
        reason=str(said.body["reason"]),
        columns=[
            DriftedColumn(
                column=str(column["column"]),
                view=str(column["view"]),
                kind=str(column.get("kind") or "shift"),
                psi=column.get("psi"),
                importance=float(column["importance"]),
                reason=str(column["reason"]),
            )
            for column in sorted(drifted, key=lambda c: (-c["importance"], c["column"], c["view"]))
        ],
        fallback_share=(fallback.get("share") or {}).get("value"),
    )


def _short_of_data(ctr: CtrNow | None, drift: DriftNow | None) -> bool:
    alarms = Verdict.YES in (ctr and ctr.verdict, drift and drift.verdict)
    return not alarms and (ctr is None or ctr.verdict == Verdict.NOT_ENOUGH_DATA)


def _is_held(run: RunView | None, release: ReleaseView | None) -> bool:
    if run is None or run.verdict in (None, GateVerdict.PROMOTE) or run.closed_at is None:
        return False
    return release is None or run.closed_at > release.released_at


def _champion(release: ReleaseView | None, end: datetime) -> Champion | None:
    if release is None:
        return None
    return Champion(
        version=release.version,
        kind=release.kind,
        as_of=release.as_of,
        released_at=release.released_at,
        age_days=round(max(end - release.as_of, timedelta(0)) / DAY, 2),
        reason=release.reason,
        replaced_version=release.replaced_version,
    )


def _trial(spec: ModelSpec, record: Record, end: datetime) -> Trial | None:
    """Return the champion's probation; None when it is on none, as `monitor.probation` says."""
    release = record.release
    if release is None or release.kind != "promotion" or release.replaced_version is None:
        return None
    said = record.measured.get("probation")
    if said is not None and said.body.get("fence") == release.fence:
        return Trial(
            until=str(said.body["until"]), verdict=said.verdict, reason=str(said.body["reason"])
        )
    if record.measured and end < release.as_of + spec.deploy.probation + LATEST_START:
        served = record.measured.get("hour_counts")
        version = served.body.get("model_version") if served else None
        if version != str(release.version):
            return Trial(until=None, verdict=None, reason="it has not served a measured hour yet")
    return None


def _decision(said: DecisionView | None) -> LastDecision | None:
    if said is None:
        return None
    return LastDecision(
        hour=said.hour,
        action=said.action,
        would=said.would or said.action,
        reasons=[str(reason) for reason in said.reasons],
        replay=said.replay,
    )


def _run(run: RunView | None) -> LastRun | None:
    if run is None:
        return None
    return LastRun(
        run_key=run.run_key,
        trigger=run.trigger,
        opened_at=run.opened_at,
        closed_at=run.closed_at,
        verdict=run.verdict,
        version=run.version,
        reasons=[str(reason) for reason in run.reasons],
    )


def _spark(record: Record) -> Spark:
    return Spark(
        at=[int(mark.hour.timestamp()) for mark in record.marks],
        ctr=[mark.value for mark in record.marks],
        expected=[mark.expected for mark in record.marks],
    )
