"""What the processes of a backtest do: one task each time, by a name and its arguments.

Processes are spawned, not forked: Polars and XGBoost have threads of their own. Each reads the
history once. What a task finds is kept in the cache, so a task that is asked again is over at once.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from evergreen.backtest.cache import Cache
from evergreen.backtest.halving import Score
from evergreen.backtest.history import History
from evergreen.backtest.played import Played, play
from evergreen.backtest.policies import Policy
from evergreen.backtest.refresh import refreshed
from evergreen.backtest.replay import first_champion, replay
from evergreen.backtest.shared_code import SharedCode
from evergreen.backtest.timeline import Kind
from evergreen.backtest.workshop import Workshop
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import WindowEmpty
from evergreen.domain.windows import Window
from evergreen.trainer.model_code import ModelCode, load_code

THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""One thread a process: the processes are the parallel part."""
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a process finds everything.

    Parameters:
        orders: Parquet of the history.
        models_dir: the models' folders.
        version: of the code.
    """

    orders: Path
    models_dir: Path
    spec: ModelSpec
    cache: Cache
    version: str


class Process:
    """One process's tools, opened once."""

    def __init__(self, place: Place) -> None:
        self.history = History.of(pl.read_parquet(place.orders))
        code: ModelCode = load_code(place.models_dir, place.spec.model)
        self.shared = SharedCode(code, self.history, place.spec, place.cache, place.version)
        self.shop = Workshop(self.history, place.spec, self.shared, place.cache, place.version)

    def prove(self, moments: Sequence[datetime]) -> bool:
        """Say whether candidates may be shared."""
        return self.shared.proven(moments)

    def make_candidates(self, moments: Sequence[datetime]) -> None:
        """Make and keep the candidates of some days."""
        self.shared.make(moments)

    def begin(self, start: datetime) -> None:
        """Make the first champion."""
        first_champion(self.shop, start)

    def refresh(self, moment: datetime) -> None:
        """Make what schedules deploy at a moment; the policy tells of one that cannot be made."""
        try:
            refreshed(self.shop, moment)
        except WindowEmpty:
            return

    def follow(self, policy: Policy, window: Window) -> Played:
        """Replay a policy and play what it had in force."""
        line = replay(self.shop, policy, window)
        return play(self.history, self.shop.spec, line, window)

    def trial(self, spec: ModelSpec, policy: Policy, window: Window) -> Score:
        """Return what a policy earns with another spec."""
        shop = Workshop(self.history, spec, self.shared, self.shop.cache, self.shop.version)
        found = play(self.history, spec, replay(shop, policy, window), window)
        return Score(
            clicks=found.clicks,
            impressions=found.impressions,
            retrains=found.line.count(Kind.RETRAIN),
        )


_process: Process | None = None


def open_process(place: Place) -> None:
    """Open this process's tools; its steps say nothing, the parent tells how far it is."""
    global _process
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  (as long as the process lives)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _process = Process(place)


def _end_with_parent() -> None:
    """End this process when its parent was killed: nobody would wait for what it finds."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY_S)
    os._exit(1)


def work(task: str, *arguments: object) -> object:
    """Do one task in this process."""
    assert _process is not None
    return getattr(_process, task)(*arguments)
