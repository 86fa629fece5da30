"""How far a backtest is: a bar on a terminal, plain lines elsewhere, both with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from evergreen.trainer.progress import in_words, seconds_left

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

EVERY_S = 5.0


class Progress:
    """Counts tasks of known weight.

    Args:
        total: weight of all tasks.
        quiet: say nothing.
        clock: seconds since some moment.
    """

    def __init__(
        self, total: float, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._quiet, self._clock = total, quiet, clock
        self._done, self._began, self._said = 0.0, clock(), clock()
        self._bar = None if quiet or not sys.stderr.isatty() else _bar(total)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar[0].stop()

    def step(self, text: str, weight: float) -> None:
        """Tell that a task is done."""
        self._done += weight
        if self._bar is not None:
            self._bar[0].update(self._bar[1], completed=self._done, description=text)
        elif not self._quiet and self._clock() - self._said >= EVERY_S:
            self._said = self._clock()
            sys.stderr.write(self.line(text) + "\n")
            sys.stderr.flush()

    def line(self, text: str) -> str:
        """Return what is said now.

        Example: `45 % lists of 2011-03-05, 2 min left`.
        """
        spent = self._clock() - self._began
        left = seconds_left(round(self._done * 100), round(self._total * 100), spent)
        rest = "" if left is None else f", {in_words(left)} left"
        return f"{self._done / max(self._total, 1e-9):4.0%} {text}{rest}"


def _bar(total: float) -> tuple[Bar, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    return bar, bar.add_task("backtest", total=total)
