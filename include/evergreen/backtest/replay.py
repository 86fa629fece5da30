"""One policy over the history: who is champion when, decided by the rules of the DAGs.

A request of hour h is answered with a model of the data until that hour's end, in force from the
next hour on: a retraining takes minutes, and an hour is the clock's smallest step here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evergreen.backtest.champion import Champion
from evergreen.backtest.judged import Opponent, judged
from evergreen.backtest.policies import Policy
from evergreen.backtest.refresh import refreshed
from evergreen.backtest.timeline import Event, Kind, Segment, Timeline
from evergreen.backtest.workshop import Workshop
from evergreen.domain.errors import NoVariantTrained, WindowEmpty
from evergreen.domain.trigger import (
    DAY,
    MAX_COOLDOWN_FACTOR,
    Action,
    Finding,
    TriggerDecision,
    decide,
)
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.decide import policy_of

ALARM_PAUSE = DAY
"""Alarms this close to the one before are one alarm for people: one incident, one thread."""
PROMOTE = "PROMOTE"


def first_champion(shop: Workshop, start: datetime) -> Opponent:
    """Return what every policy begins with: trained on the orders before the first hour.

    Its verdict is told, but whatever it is, something must be shown.

    Raises:
        WindowEmpty: too few orders before the first hour.
    """
    trained = judged(shop, start, champion=None, attempt=1)
    return Opponent(version=1, as_of=start, trained=trained)


def schedule_moments(policy: Policy, window: Window) -> list[datetime]:
    """Return when a scheduled policy retrains: never at the first hour, which has its champion."""
    if policy.every is None:
        return []
    count = -(-window.length // policy.every)
    return [window.start + i * policy.every for i in range(1, count)]


def replay(shop: Workshop, policy: Policy, window: Window, *, in_words: bool = False) -> Timeline:
    """Return a policy's story over a window.

    Raises:
        WindowEmpty: too few orders before the first hour.
    """
    first = first_champion(shop, window.start)
    line = Timeline(segments=[Segment(start=window.start, trained=first.trained)])
    if policy.triggered:
        _Watched(shop, window, first, line, in_words=in_words).run()
    elif policy.gated:
        _gated_schedule(shop, schedule_moments(policy, window), first, line)
    else:
        for number, moment in enumerate(schedule_moments(policy, window), 2):
            _deploy_unjudged(shop, moment, number, line)
    return line


def _deploy_unjudged(shop: Workshop, moment: datetime, number: int, line: Timeline) -> None:
    try:
        trained = refreshed(shop, moment)
    except WindowEmpty as error:
        line.events.append(Event(hour=moment, kind=Kind.FAILED, reasons=(str(error),)))
        return
    line.trained.append(trained)
    line.segments.append(Segment(start=moment, trained=trained))
    line.events.append(Event(hour=moment, kind=Kind.RETRAIN, version=number))
    line.events.append(Event(hour=moment, kind=Kind.DEPLOYED, version=number))


@dataclass(slots=True)
class _Gate:
    """Numbers challengers and counts the attempts against each champion."""

    shop: Workshop
    line: Timeline
    versions: int = 1
    attempts: Counter[int] = field(default_factory=Counter)

    def try_one(self, moment: datetime, hour: datetime, champion: Opponent) -> Opponent | None:
        """Train, judge, and tell; return the challenger where it is promoted.

        Parameters:
            moment: end of the data.
            hour: when it is told of.
        """
        say = self.line.events.append
        say(Event(hour=hour, kind=Kind.RETRAIN, version=self.versions + 1))
        try:
            trained = judged(
                self.shop,
                moment,
                champion=champion,
                attempt=self.attempts[champion.version] + 1,
            )
        except (WindowEmpty, NoVariantTrained) as error:
            say(Event(hour=hour, kind=Kind.FAILED, reasons=(str(error),)))
            return None
        self.versions += 1
        self.attempts[champion.version] += 1
        self.line.trained.append(trained)
        reasons = tuple(trained.said["reasons"])
        if trained.said["verdict"] != PROMOTE:
            why = (trained.said["verdict"], *reasons)
            say(Event(hour=hour, kind=Kind.HELD, version=self.versions, reasons=why))
            return None
        say(Event(hour=hour, kind=Kind.DEPLOYED, version=self.versions, reasons=reasons))
        self.line.segments.append(Segment(start=hour, trained=trained))
        return Opponent(version=self.versions, as_of=moment, trained=trained)


def _gated_schedule(
    shop: Workshop, moments: list[datetime], champion: Opponent, line: Timeline
) -> None:
    gate = _Gate(shop, line)
    for moment in moments:
        champion = gate.try_one(moment, moment, champion) or champion


class _Watched:
    """The policy `triggered`: the monitor's decisions, and what follows from them."""

    def __init__(
        self, shop: Workshop, window: Window, first: Opponent, line: Timeline, *, in_words: bool
    ) -> None:
        self._shop, self._window, self._line, self._in_words = shop, window, line, in_words
        self._policy = policy_of(shop.spec)
        self._requested: list[datetime] = []
        self._alarmed: datetime | None = None
        self._gate = _Gate(shop, line)
        self._known = {1: first}
        self._replaces: dict[int, int] = {}
        self._champion = self._in_force(first, window.start, replaced=None)

    def run(self) -> None:
        """Go through all hours."""
        at: Champion | None = self._champion
        while at is not None:
            at = self._until_replaced(at)

    def _in_force(
        self, opponent: Opponent, hour: datetime, *, replaced: Champion | None
    ) -> Champion:
        return Champion(
            opponent,
            history=self._shop.history,
            spec=self._shop.spec,
            deployed=hour,
            until=self._window.end,
            replaced=replaced,
            in_words=self._in_words,
        )

    def _until_replaced(self, champion: Champion) -> Champion | None:
        """Judge a champion's hours; return its successor, None at the end of the history."""
        alarms: dict[str, list[datetime]] = {}
        spec = self._shop.spec
        for hour, findings in champion.findings(self._requested):
            decision = self._decide(hour, findings, alarms, champion)
            for name, found in findings.items():
                if found.verdict is Verdict.YES:
                    alarms.setdefault(name, []).append(hour)
            self._line.decisions.append((hour, str(decision.action), decision.reasons))
            self._tell(hour, decision)
            if decision.action is Action.REQUEST_ROLLBACK:
                return self._rolled_back(champion, hour + HOUR, decision)
            if decision.action is Action.REQUEST_RETRAIN:
                self._requested.append(hour)
                found_one = self._gate.try_one(
                    spec.lake.mature_end(hour), hour + HOUR, champion.opponent
                )
                if found_one is not None and hour + HOUR < self._window.end:
                    self._known[found_one.version] = found_one
                    self._replaces[found_one.version] = champion.opponent.version
                    return self._in_force(found_one, hour + HOUR, replaced=champion)
        return None

    def _decide(
        self,
        hour: datetime,
        findings: Mapping[str, Finding],
        alarms: dict[str, list[datetime]],
        champion: Champion,
    ) -> TriggerDecision:
        since = hour - self._policy.memory
        longest = self._policy.cooldown * MAX_COOLDOWN_FACTOR * MAX_COOLDOWN_FACTOR.bit_length()
        oldest = hour - max(longest, DAY)
        return decide(
            hour,
            findings,
            policy=self._policy,
            earlier={n: [h for h in at if h >= since] for n, at in alarms.items()},
            requested=[h for h in self._requested if h >= oldest],
            champion_as_of=champion.opponent.as_of,
            probation=champion.probation(hour),
        )

    def _tell(self, hour: datetime, decision: TriggerDecision) -> None:
        if not decision.alarmed or set(decision.sensors) <= {"age"}:
            return
        if self._alarmed is None or hour - self._alarmed > ALARM_PAUSE:
            event = Event(hour=hour, kind=Kind.ALARM, reasons=decision.reasons)
            self._line.events.append(event)
        self._alarmed = hour

    def _rolled_back(
        self, champion: Champion, hour: datetime, decision: TriggerDecision
    ) -> Champion | None:
        older = self._known[self._replaces[champion.opponent.version]]
        event = Event(
            hour=hour, kind=Kind.ROLLED_BACK, version=older.version, reasons=decision.reasons
        )
        self._line.events.append(event)
        if hour >= self._window.end:
            return None
        self._line.segments.append(Segment(start=hour, trained=older.trained))
        return self._in_force(older, hour, replaced=None)
