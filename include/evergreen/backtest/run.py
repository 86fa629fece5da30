"""A whole backtest: what is shared first, then every retraining and every policy side by side."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from evergreen.backtest.cache import Cache, code_version, key_of
from evergreen.backtest.history import History
from evergreen.backtest.played import Played
from evergreen.backtest.policies import Policy
from evergreen.backtest.progress import Progress
from evergreen.backtest.replay import schedule_moments
from evergreen.backtest.workers import THREADS, Place, open_process, work
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import BacktestInvalid, ProcessLost
from evergreen.domain.windows import Window, hour_key
from evergreen.trainer.dataset import Split
from evergreen.trainer.model_code import code_digest

DAY = timedelta(days=1)
CHUNK = 14
"""Days whose candidates are made together: longer shares more and holds more in memory."""
WEIGHTS = {"make_candidates": 3.0, "begin": 10.0, "refresh": 2.5, "triggered": 100.0, "follow": 4.0}
"""Seconds that a task takes about, for the time left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be replayed.

    Parameters:
        history: the orders, before, in and maybe after the window.
        window: the hours to replay.
        models_dir: where the model's code is.
        jobs: processes.
    """

    history: History
    spec: ModelSpec
    policies: tuple[Policy, ...]
    window: Window
    cache: Cache
    models_dir: Path
    jobs: int

    @property
    def version(self) -> str:
        """What names the code: ours and the model's."""
        return key_of(ours=code_version(), model=code_digest(self.models_dir, self.spec.model))

    def with_policies(self, policies: tuple[Policy, ...]) -> Plan:
        """Return the same plan for these policies."""
        return replace(self, policies=policies)

    def check(self) -> None:
        """Refuse what cannot be replayed.

        Raises:
            BacktestInvalid: the model is not trained here, or the history is too short.
        """
        if not self.spec.train.enabled:
            raise BacktestInvalid(
                f"{self.spec.model} is trained elsewhere: there are no retrainings to replay"
            )
        first = earliest(self.history, self.spec)
        covered = self.history.window
        if self.window.start < first or self.window.end > covered.end:
            raise BacktestInvalid(
                f"{self.window} cannot be replayed: the orders cover {covered}, and the first "
                f"champion needs {(self.spec.train.window + self.spec.train.lookback).days} days "
                f"before it; expected --from {hour_key(first)} or later and --to "
                f"{hour_key(covered.end)} or earlier"
            )
        if self.window.length < DAY:
            raise BacktestInvalid(f"{self.window} is shorter than a day; name a later --to")


def earliest(history: History, spec: ModelSpec) -> datetime:
    """Return the first hour that can be replayed: its champion has a whole window behind it."""
    return history.window.start + spec.train.window + spec.train.lookback


def run(plan: Plan, *, quiet: bool = False) -> dict[str, Played]:
    """Return what every policy did and earned, by name.

    Killed at any point and asked again, it goes on with what is kept, and the result is the same.

    Raises:
        BacktestInvalid: see `Plan.check`.
        ProcessLost: a process was ended from outside.
    """
    plan.check()
    plan.cache.root.mkdir(parents=True, exist_ok=True)
    plan.cache.sweep()
    moments = _moments(plan)
    chunks = list(_chunks(_snapshots(plan.spec, moments)))
    total = (
        len(chunks) * WEIGHTS["make_candidates"]
        + WEIGHTS["begin"]
        + len(moments) * WEIGHTS["refresh"]
        + sum(_weight(policy) for policy in plan.policies)
    )
    with pool_of(plan) as pool, Progress(total, quiet=quiet) as told:
        shared = [
            pool.submit(work, "begin", plan.window.start),
            *(_candidates(pool, chunks)),
        ]
        for done in _finished(shared):
            begun = done is shared[0]
            told.step(
                "the first champion" if begun else "candidates",
                WEIGHTS["begin" if begun else "make_candidates"],
            )
        return _follow_all(pool, plan, moments, told)


def _candidates(
    pool: ProcessPoolExecutor, chunks: Sequence[Sequence[datetime]]
) -> list[Future[object]]:
    """Ask for the candidates of all chunks, unless the model's code cannot share them."""
    if not chunks:
        return []
    probe = max(chunks, key=len)
    if len(probe) > 1 and not pool.submit(work, "prove", probe[:2]).result():
        return []
    return [pool.submit(work, "make_candidates", chunk) for chunk in chunks]


def _follow_all(
    pool: ProcessPoolExecutor, plan: Plan, moments: Sequence[datetime], told: Progress
) -> dict[str, Played]:
    window = plan.window
    judged = [policy for policy in plan.policies if policy.gated]
    found: dict[str, Played] = {}
    tasks: dict[Future[object], str] = {}
    for policy in judged:  # the longest first: each is a chain of retrainings
        tasks[pool.submit(work, "follow", policy, window)] = policy.name
    for moment in moments:
        tasks[pool.submit(work, "refresh", moment)] = ""
    weight = {policy.name: _weight(policy) for policy in plan.policies}
    for done in _finished(tasks):
        name = tasks[done]
        told.step(name or "retrainings of the schedules", weight.get(name, WEIGHTS["refresh"]))
        if name:
            found[name] = _played(done)
    rest = {
        pool.submit(work, "follow", policy, window): policy.name
        for policy in plan.policies
        if not policy.gated
    }
    for done in _finished(rest):
        told.step(rest[done], weight[rest[done]])
        found[rest[done]] = _played(done)
    return {policy.name: found[policy.name] for policy in plan.policies}


def _played(done: Future[object]) -> Played:
    result = done.result()
    assert isinstance(result, Played)
    return result


def _finished(tasks: Iterable[Future[object]]) -> Iterator[Future[object]]:
    """Yield tasks as they end; the first error ends the others."""
    waiting = list(tasks)
    try:
        for done in as_completed(waiting):
            done.result()
            yield done
    except BaseException:
        for task in waiting:
            task.cancel()
        raise


def _weight(policy: Policy) -> float:
    return WEIGHTS["triggered"] if policy.gated else WEIGHTS["follow"]


def _moments(plan: Plan) -> list[datetime]:
    """Return when any schedule without a gate retrains."""
    of = (schedule_moments(p, plan.window) for p in plan.policies if not p.gated)
    return sorted({moment for moments in of for moment in moments})


def _snapshots(spec: ModelSpec, moments: Iterable[datetime]) -> list[datetime]:
    """Return every moment that these retrainings ask candidates of."""
    wanted: set[datetime] = set()
    for end in moments:
        manifest = {
            "window": {"start": (end - spec.train.window).isoformat(), "end": end.isoformat()}
        }
        split = Split.of(manifest, spec)
        wanted |= {*split.moments(spec.train.snapshot_every), split.holdout, split.end}
    return sorted(wanted)


def _chunks(moments: Sequence[datetime]) -> Iterator[list[datetime]]:
    """Yield moments that lie near each other, whole days apart, in parts of equal work."""
    chunk: list[datetime] = []
    for moment in moments:
        far = chunk and (moment - chunk[0] >= CHUNK * DAY or (moment - chunk[0]) % DAY)
        if far:
            yield chunk
            chunk = []
        chunk.append(moment)
    if chunk:
        yield chunk


@contextmanager
def pool_of(plan: Plan) -> Iterator[ProcessPoolExecutor]:
    """Yield the processes; they end with the block, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="evergreen-backtest-") as folder:
        orders = Path(folder) / "orders.parquet"
        plan.history.write(str(orders))
        place = Place(
            orders=orders,
            models_dir=plan.models_dir,
            spec=plan.spec,
            cache=plan.cache,
            version=plan.version,
        )
        with _environment(dict.fromkeys(THREADS, "1")):
            pool = ProcessPoolExecutor(
                plan.jobs,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=open_process,
                initargs=(place,),
            )
            try:
                yield pool
            except BrokenProcessPool:
                raise ProcessLost(
                    f"one of {plan.jobs} processes was ended from outside, mostly for memory; type "
                    f"the same again with fewer --jobs: what was trained is kept"
                ) from None
            except BaseException:
                _end(pool)
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _end(pool: ProcessPoolExecutor) -> None:
    """End the processes in the middle of their tasks; what they keep is whole or not there."""
    for process in list((pool._processes or {}).values()):
        process.terminate()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables that a spawned process reads before it imports anything."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
