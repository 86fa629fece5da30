"""What a step says while it works: one line each, to a terminal, a task log or a pod's log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

SAY_EVERY_S = 2.0
_started = time.monotonic()


def say(text: str, *, done: int | None = None, total: int | None = None) -> None:
    """Print a line with the seconds since the step began, and with `done`, what share is done."""
    share = f"{done:,}/{total:,} " if done is not None and total else ""
    seconds = time.monotonic() - _started
    sys.stderr.write(f"[{seconds:6.1f} s] {share}{text}\n")
    sys.stderr.flush()


def seconds_left(done: int, total: int, elapsed_s: float) -> float | None:
    """Return how long the rest takes at the pace so far: elapsed * (total - done) / done.

    None while nothing is done. Example: 120 of 200 in 6 s leave `seconds_left(120, 200, 6.0)`,
    which is 4.0.
    """
    return None if done <= 0 else elapsed_s * max(total - done, 0) / done


def in_words(seconds: float) -> str:
    """Return `4 s`, `12 min` or `2 h 05 min`: whole units, rounded."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


class Progress:
    """Says how far a loop is: its first turn, then a line every two seconds, then its last.

    With `quiet`, only the lines in between: a loop that is over at once says nothing.

    Args:
        total: how many turns at most.
        unit: what a turn is: `rounds`, `rows`.
        every_s: seconds between lines at least.
        quiet: leave out the first and the last line.
        clock: seconds since some moment.
        say: where the lines go.
    """

    def __init__(
        self,
        total: int,
        unit: str,
        *,
        every_s: float = SAY_EVERY_S,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = say,
    ) -> None:
        self._total, self._unit, self._every_s, self._quiet = total, unit, every_s, quiet
        self._clock, self._say = clock, say
        self._began = clock()
        self._said = self._began if quiet else None

    def at(self, done: int, text: str = "") -> None:
        """Say that so many turns are done, unless a line was just said and this is not the last.

        Example: `120/200 rounds, valid logloss 0.31, 4 s left`.
        """
        now = self._clock()
        soon = self._said is not None and now - self._said < self._every_s
        if soon and (self._quiet or done < self._total):
            return
        self._said = now
        left = seconds_left(done, self._total, now - self._began)
        parts = [f"{done:,}/{self._total:,} {self._unit}"]
        parts += [text] if text else []
        parts += [f"{in_words(left)} left"] if left and done < self._total else []
        self._say(", ".join(parts))
