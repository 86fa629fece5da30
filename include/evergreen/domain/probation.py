"""Probation: is a new champion surely worse than the one that it replaced?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log

import numpy as np
from numpy.typing import ArrayLike

from evergreen.domain.alarm_level import MAX_ALLOWANCE, drops_from
from evergreen.domain.carried import CarriedExpectation
from evergreen.domain.detector import Alarm, Evidence, beyond_allowance, evidence, log_ratios
from evergreen.domain.promise import HOURS_A_YEAR
from evergreen.domain.share import ShareEstimate, estimate_share
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window

DEEP_DROPS = (0.75, 0.90)
"""Looked for besides the CTR sensor's: a broken or inverted model loses nearly everything."""
RATE_ERRORS = 1.0
"""Standard errors by which the carried rate is lowered; more is surer and later."""
LATEST_START = timedelta(days=7)
"""How long after the end of its training window a champion's first impression is looked for."""
MIN_EXPECTED_CLICKS = 20.0
"""Fewer expected clicks on trial are not enough data: quasi-likelihood and Wilson's interval are
approximations for counts that are not small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """When a champion is on trial.

    The release's own moment is no use where a log is played faster than time, so the trial begins
    with the version's first impression.

    Parameters:
        begun: the first hour that can be the champion's own.
        length: of the trial, from its first impression on.
    """

    begun: datetime
    length: timedelta

    def looked_at(self, hour: datetime, *, mature_end: datetime) -> Window | None:
        """Return where the first impression is looked for; None outside of any trial.

        Parameters:
            hour: the newest hour.
            mature_end: where the hours end whose labels are complete by then.
        """
        latest = self.begun + LATEST_START
        if hour < self.begun or mature_end - HOUR >= latest + self.length:
            return None
        return Window(self.begun, min(hour + HOUR, latest))

    def hours(self, first_served: datetime | None, *, mature_end: datetime) -> Window | None:
        """Return the mature hours so far, none while the first one's clicks are open; None before
        the first impression and after the last hour of the trial.

        Example:
            >>> from datetime import UTC
            >>> noon = datetime(2011, 5, 2, 12, tzinfo=UTC)
            >>> trial = Trial(begun=noon, length=timedelta(hours=72))
            >>> trial.hours(noon, mature_end=noon + 3 * HOUR).length // HOUR
            3
        """
        if first_served is None or mature_end - HOUR >= first_served + self.length:
            return None
        return Window(first_served, max(mature_end, first_served))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbationRule:
    """When a new champion fails.

    Parameters:
        hours: length of the probation; longer finds smaller losses.
        false_rollbacks: probability that a champion as good as its predecessor fails at any hour of
            its probation, 0 to 1; higher fails sooner.
        min_drop: the smallest relative loss that is looked for, 0 to 0.5.
        max_drop: the plain rule's: surely losing more than this fails.
        confidence: of the plain rule's upper bound, one-sided; higher fails later.
        min_expected_clicks: fewer expected clicks are not enough data.
    """

    hours: int
    false_rollbacks: float
    min_drop: float
    max_drop: float
    confidence: float
    min_expected_clicks: float = MIN_EXPECTED_CLICKS


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbationJudgement:
    """Whether the new champion fails (`yes`), and everything that says so.

    Parameters:
        ctr: of the hours on trial.
        expected: CTR that is carried over from the old champion for the same hours.
        allowance: share by which it is lowered, for its own error.
        bound: of the plain rule: the upper confidence bound must not lie below it.
        evidence: log of the detector's statistic; None without an expectation.
        level: where it fails.
        drop: relative loss that explains the evidence best.
        carried: where the expectation comes from.
    """

    verdict: Verdict
    reason: str
    ctr: ShareEstimate
    expected: float | None
    allowance: float | None
    bound: float | None
    evidence: float | None
    level: float
    drop: float | None
    carried: CarriedExpectation | None


def probation_alarm(expectation: CarriedExpectation, rule: ProbationRule) -> Alarm:
    """Return what the evidence is held against, so that the promise of `false_rollbacks` holds.

    When the loss would have begun is known here, the switch, so the mixture of likelihood ratios is
    taken from that one start. Against a known expectation it is a test martingale, which by Ville's
    inequality ever exceeds 1 / a with probability a at most, however often it is looked at (Ville
    1939; Shin, Ramdas and Rinaldo 2023, section 2): the level is -log(false_rollbacks). The
    expectation is not known, so it is lowered by `RATE_ERRORS` standard errors of its rate. Both
    together were simulated: of 3,000 equal champions 0.2 % failed within 72 hours, at a dispersion
    of 1, 5 and 12 alike.

    Example:
        >>> from evergreen.domain.baseline import CtrBaseline
        >>> known = CtrBaseline(rate=0.1, shape=(1.0,) * 168, dispersion=1.0, rate_error=0.01,
        ...                     volume=(1.0,) * 168, impressions=100_000, hours=168)
        >>> carried = CarriedExpectation(baseline=known, level=1.0, since="", clicks=1,
        ...                              impressions=1)
        >>> rule = ProbationRule(hours=72, false_rollbacks=0.01, min_drop=0.1, max_drop=0.15,
        ...                      confidence=0.999)
        >>> alarm = probation_alarm(carried, rule)
        >>> round(alarm.level, 2), round(alarm.allowance, 4)
        (4.61, 0.01)
    """
    allowance = min(RATE_ERRORS * expectation.baseline.rate_error, MAX_ALLOWANCE)
    drops = (*drops_from(rule.min_drop), *DEEP_DROPS)
    beyond = [float(drop > allowance) for drop in drops]
    return Alarm(
        drops=drops,
        weights=tuple(weight / sum(beyond) for weight in beyond),
        allowance=allowance,
        level=-log(rule.false_rollbacks),
        false_alarms_per_year=rule.false_rollbacks * HOURS_A_YEAR / rule.hours,
    )


def judge_probation(
    hours: Sequence[datetime],
    clicks: ArrayLike,
    impressions: ArrayLike,
    *,
    expectation: CarriedExpectation | None,
    rule: ProbationRule,
) -> ProbationJudgement:
    """Judge the new champion by all of its hours so far.

    It fails when the e-detector's evidence, from the switch on, that it earns less than the
    expectation, lowered by the expectation's own error, exceeds the level; or when the upper
    confidence bound of its CTR lies below (1 - max_drop) times that. Too little data is no failure.

    Parameters:
        hours: start of each hour since the switch, [H].
        clicks, impressions: mature counts of the new champion, [H].
        expectation: None where the old champion's is not known: nothing can be said then.
    """
    c, n = np.asarray(clicks, dtype=float), np.asarray(impressions, dtype=float)
    if expectation is None:
        return ProbationJudgement(
            verdict=Verdict.NOT_ENOUGH_DATA,
            reason="what the old champion would have earned is not known: it has no CTR baseline, "
            "or too few clicks before the switch",
            ctr=estimate_share(c, n, confidence=rule.confidence),
            expected=None,
            allowance=None,
            bound=None,
            evidence=None,
            level=-log(rule.false_rollbacks),
            drop=None,
            carried=None,
        )
    baseline, alarm = expectation.baseline, probation_alarm(expectation, rule)
    share = estimate_share(c, n, confidence=rule.confidence, min_design_effect=baseline.dispersion)
    p0 = baseline.expected(hours)
    expected = float(p0 @ n / n.sum()) if n.sum() else None
    lowered = (1 - alarm.allowance) * (expected or 0.0)
    bound = (1 - rule.max_drop) * lowered
    found = _evidence(c[n > 0], n[n > 0], p0[n > 0], alarm, baseline.dispersion)
    verdict, reason = _verdict(share, expected, lowered, bound, found, alarm, rule)
    return ProbationJudgement(
        verdict=verdict,
        reason=reason,
        ctr=share,
        expected=expected,
        allowance=alarm.allowance,
        bound=bound,
        evidence=found.value,
        level=alarm.level,
        drop=found.drop,
        carried=expectation,
    )


def _evidence(
    c: np.ndarray, n: np.ndarray, p0: np.ndarray, alarm: Alarm, dispersion: float
) -> Evidence:
    drops = beyond_allowance(alarm.drops, alarm.allowance)
    ratios = log_ratios(c, n, p0 * (1 - alarm.allowance), drops=drops, dispersion=dispersion)
    return evidence(ratios.sum(axis=0, keepdims=True), alarm=alarm)  # one piece, from the switch on


def _verdict(
    share: ShareEstimate,
    expected: float | None,
    lowered: float,
    bound: float,
    found: Evidence,
    alarm: Alarm,
    rule: ProbationRule,
) -> tuple[Verdict, str]:
    awaited = (expected or 0.0) * share.trials
    if not expected or awaited < rule.min_expected_clicks:
        return Verdict.NOT_ENOUGH_DATA, (
            f"{share.trials:,} impressions on trial, of which {awaited:.0f} clicks are expected, "
            f"{rule.min_expected_clicks:.0f} needed"
        )
    text = (
        f"CTR {share.value:.2%} in {share.clusters} hours on trial, the old champion's would be "
        f"{expected:.2%} ({share.value / expected - 1:+.0%}), at least {lowered:.2%}; evidence "
        f"{found.value:.1f}, fails at {alarm.level:.1f}"
    )
    if share.upper < bound:
        return Verdict.YES, f"{text}; at most {share.upper:.2%}, allowed {bound:.2%}"
    return Verdict.YES if found.value > alarm.level else Verdict.NO, text
