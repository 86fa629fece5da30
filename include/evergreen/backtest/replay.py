"""One policy over the history: who is champion when, decided by the rules of the DAGs.

A request of hour h is answered with a model of the data until that hour's end, in force from the
next hour on: a retraining takes minutes, and an hour is the clock's smallest step here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from evergreen.backtest.champion import Champion
from evergreen.backtest.judged import Opponent, judged
from evergreen.backtest.policies import Policy
from evergreen.backtest.refresh import refreshed
from evergreen.backtest.timeline import Event, Kind, Segment, Timeline
from evergreen.backtest.watch import Watch
from evergreen.backtest.workshop import Workshop
from evergreen.domain.errors import NoVariantTrained, WindowEmpty
from evergreen.domain.trigger import Action
from evergreen.domain.windows import HOUR, Window

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
        self._gate = _Gate(shop, line)
        self._known = {1: first}
        self._served: dict[int, Champion] = {}
        self._replaces: dict[int, int] = {}
        self._watch = Watch(shop.spec, line)

    def run(self) -> None:
        """Go through all hours."""
        opponent, champion = self._known[1], self._in_force(self._known[1], self._window.start)
        while True:
            asked = self._watch.until_asked(champion)
            if asked is None:
                return
            hour, action = asked
            after, replaced = hour + HOUR, None
            if action is Action.REQUEST_ROLLBACK:
                opponent = self._older(opponent, after)
            else:
                until = self._shop.spec.lake.mature_end(hour)
                better = self._gate.try_one(until, after, opponent)
                if better is None:
                    continue
                self._known[better.version] = better
                self._replaces[better.version] = opponent.version
                opponent, replaced = better, champion
            if after >= self._window.end:
                return
            champion = self._in_force(opponent, after, replaced)

    def _in_force(
        self, opponent: Opponent, hour: datetime, replaced: Champion | None = None
    ) -> Champion:
        champion = Champion.of(
            opponent,
            self._shop.history,
            self._shop.spec,
            Window(hour, self._window.end),
            replaced=replaced,
            in_words=self._in_words,
        )
        before = self._served.get(opponent.version)
        if before is not None:  # it is back: what it served before counts still
            champion.sketches.update({h: s for h, s in before.sketches.items() if h < hour})
        self._served[opponent.version] = champion
        return champion

    def _older(self, failed: Opponent, hour: datetime) -> Opponent:
        """Put the version before back in force."""
        older = self._known[self._replaces[failed.version]]
        reasons = self._line.decisions[-1][2]
        event = Event(hour=hour, kind=Kind.ROLLED_BACK, version=older.version, reasons=reasons)
        self._line.events.append(event)
        self._line.segments.append(Segment(start=hour, trained=older.trained))
        return older
