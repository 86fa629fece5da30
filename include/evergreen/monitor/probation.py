"""Probation over the ledger's sketches: the new champion's hours against the old one's level."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Ledger, Release
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.carried import RECENT, CarriedExpectation, carry_over
from evergreen.domain.errors import ProfileInvalid
from evergreen.domain.probation import ProbationRule, Trial
from evergreen.domain.probation import judge_probation as judge
from evergreen.domain.served_scores import (
    ServedScores,
    judge_served_scores,
    with_served_scores,
)
from evergreen.domain.sketch import HourSketch
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window, floor_hour, hour_key
from evergreen.monitor.left_out import with_quarantine
from evergreen.monitor.measure import HOUR_COUNTS, profile_of
from evergreen.monitor.records import Measured, measured_of, record, sketches_of

SENSOR = "probation"
SCORE = "score"  # what the profile calls the column


def judge_probation(
    spec: ModelSpec, hour: datetime, *, champion: Release | None, ledger: Ledger, replay: bool
) -> dict[str, Any] | None:
    """Judge the champion up to this hour, and write the measurement; None when it is on no trial.

    On trial is a version that a gate promoted in place of another one, for `deploy.probation` from
    its first impression on. The first champion has nobody to be compared with, and one that was
    put back by a rollback has served before.

    Parameters:
        champion: the one now; a replay judges the one that served the hour.
    """
    found = ledger.measurements(spec.model, Window.of_hour(hour), HOUR_COUNTS)
    if not found:
        return None
    measured = measured_of(spec, found[0].body, ledger)
    release = _release_on_trial(spec, measured, champion, ledger, replay=replay)
    if release is None or release.replaced_version is None:
        return None
    trial = _trial(spec, hour, release, measured, ledger)
    if trial is None:
        return None
    scores = _scores(spec, hour, ledger)
    counted = sketches_of(spec, trial, measured, ledger)
    said = judge(
        list(counted.sketches),
        [s.clicks for s in counted.sketches.values()],
        [s.labelled for s in counted.sketches.values()],
        expectation=_carried(spec, trial.start, release.replaced_version, ledger),
        rule=rule_of(spec),
    )
    verdict, reason = with_quarantine(
        said.verdict, said.reason, judged_hour=trial.end - HOUR, left_out=counted.left_out
    )
    verdict, reason = with_served_scores(verdict, reason, scores)
    body = {
        **asdict(said),
        "verdict": verdict,
        "reason": reason,
        "carried": _carried_body(said.carried),
        "scores": asdict(scores) if scores else None,
        "version": release.version,
        "fence": release.fence,
        "replaced_version": release.replaced_version,
        "since": hour_key(trial.start),
        "until": hour_key(trial.start + spec.deploy.probation),
    }
    return record(spec, hour, SENSOR, body, ledger=ledger, replay=replay)


def rule_of(spec: ModelSpec) -> ProbationRule:
    """Return the spec's rule on new champions."""
    return ProbationRule(
        hours=spec.deploy.probation // HOUR,
        false_rollbacks=spec.deploy.probation_false_rollbacks,
        min_drop=spec.monitor.ctr.min_drop,
        max_drop=spec.monitor.ctr.max_drop,
        confidence=spec.monitor.confidence,
    )


def _release_on_trial(
    spec: ModelSpec, measured: Measured, champion: Release | None, ledger: Ledger, *, replay: bool
) -> Release | None:
    """Return the promotion of the version that the hour was measured for."""
    version = measured.profile.model_version
    if replay:
        of = [r for r in ledger.releases(spec.model) if str(r.version) == version]
        champion = of[-1] if of else None
    if champion is None or str(champion.version) != version or champion.kind != "promotion":
        return None
    return champion


def _trial(
    spec: ModelSpec, hour: datetime, release: Release, measured: Measured, ledger: Ledger
) -> Window | None:
    """Return the mature hours on trial so far; None when it is on none."""
    end = spec.lake.mature_end(hour)
    trial = Trial(begun=floor_hour(release.as_of), length=spec.deploy.probation)
    seen = trial.looked_at(hour, mature_end=end)
    if seen is None:
        return None
    rows = ledger.sketches(spec.model, seen, profile=measured.digest)
    served = (r.hour for r in rows if HourSketch.from_json(r.sketch).impressions)
    return trial.hours(min(served, default=None), mature_end=end)


def _scores(spec: ModelSpec, hour: datetime, ledger: Ledger) -> ServedScores | None:
    """Return what the drift sensor's measurement of this hour says of the served scores."""
    found = ledger.measurements(spec.model, Window.of_hour(hour), "drift")
    if spec.deploy.probation_max_score_psi is None or not found:
        return None
    for said in found[0].body["columns"]:
        if (said["column"], said["view"]) == (SCORE, "24h"):
            return judge_served_scores(
                Verdict(said["verdict"]),
                said.get("psi"),
                said["rows"],
                max_psi=spec.deploy.probation_max_score_psi,
            )
    return None


def _carried_body(carried: CarriedExpectation | None) -> dict[str, Any] | None:
    """Return what people ask of it: without the 168 hours of the week, which the profile has."""
    if carried is None:
        return None
    baseline = carried.baseline
    return {
        "level": carried.level,
        "since": carried.since,
        "clicks": carried.clicks,
        "impressions": carried.impressions,
        "rate": baseline.rate,
        "rate_error": baseline.rate_error,
        "dispersion": baseline.dispersion,
    }


def _carried(
    spec: ModelSpec, switched: datetime, old_version: int, ledger: Ledger
) -> CarriedExpectation | None:
    """Return what the old champion would have gone on earning, by its last hours."""
    try:
        profile = profile_of(spec.model, str(old_version), ledger)
    except ProfileInvalid:
        return None
    if profile.ctr is None:
        return None
    old = Measured(profile=profile, digest=profile.digest, since=None, problem=None)
    before = Window.last(max(RECENT), until=switched)
    sketches = sketches_of(spec, before, old, ledger).sketches
    return carry_over(
        profile.ctr,
        list(sketches),
        [s.clicks for s in sketches.values()],
        [s.labelled for s in sketches.values()],
        switched=switched,
    )
