"""The monitor's decisions about a champion's hours, by the rules of `monitor.decide`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from evergreen.backtest.champion import Champion, Findings
from evergreen.backtest.timeline import Event, Kind, Timeline
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.trigger import DAY, MAX_COOLDOWN_FACTOR, Action, TriggerDecision, decide
from evergreen.domain.verdict import Verdict
from evergreen.monitor.decide import policy_of

ALARM_PAUSE = DAY
"""Alarms this close to the one before are one alarm for people: one incident, one thread."""
ASKS = (Action.REQUEST_RETRAIN, Action.REQUEST_ROLLBACK)


class Watch:
    """Decides about hour after hour, and remembers what was asked for.

    Args:
        line: where decisions and alarms are told.
    """

    def __init__(self, spec: ModelSpec, line: Timeline) -> None:
        self._policy, self._line = policy_of(spec), line
        self._requested: list[datetime] = []
        self._alarmed: datetime | None = None
        self._champion: Champion | None = None
        self._alarms: dict[str, list[datetime]] = {}
        self._hours: Iterator[tuple[datetime, Findings]] = iter(())

    def until_asked(self, champion: Champion) -> tuple[datetime, Action] | None:
        """Go on until something is asked for; None at the end of the champion's hours.

        Asked again about the same champion it goes on with the hour after.
        """
        if champion is not self._champion:
            self._champion, self._alarms = champion, {}
            self._hours = champion.findings(self._requested)
        for hour, findings in self._hours:
            decision = self._decide(hour, findings, champion)
            for name, found in findings.items():
                if found.verdict is Verdict.YES:
                    self._alarms.setdefault(name, []).append(hour)
            self._line.decisions.append((hour, str(decision.action), decision.reasons))
            self._tell(hour, decision)
            if decision.action is Action.REQUEST_RETRAIN:
                self._requested.append(hour)
            if decision.action in ASKS:
                return hour, decision.action
        return None

    def _decide(self, hour: datetime, findings: Findings, champion: Champion) -> TriggerDecision:
        since = hour - self._policy.memory
        longest = self._policy.cooldown * MAX_COOLDOWN_FACTOR * MAX_COOLDOWN_FACTOR.bit_length()
        oldest = hour - max(longest, DAY)
        return decide(
            hour,
            findings,
            policy=self._policy,
            earlier={n: [h for h in at if h >= since] for n, at in self._alarms.items()},
            requested=[h for h in self._requested if h >= oldest],
            champion_as_of=champion.as_of,
            probation=champion.probation(hour),
        )

    def _tell(self, hour: datetime, decision: TriggerDecision) -> None:
        if not decision.alarmed or set(decision.sensors) <= {"age"}:
            return
        if self._alarmed is None or hour - self._alarmed > ALARM_PAUSE:
            event = Event(hour=hour, kind=Kind.ALARM, reasons=decision.reasons)
            self._line.events.append(event)
        self._alarmed = hour
