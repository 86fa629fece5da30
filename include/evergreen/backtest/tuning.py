"""Which settings of the monitor would have earned most: tried on a history, nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from evergreen.backtest.halving import Score, Tried, front, halve, parts_of, proposed
from evergreen.backtest.overrides import with_overrides
from evergreen.backtest.policies import parse_policy
from evergreen.backtest.run import Plan, pool_of
from evergreen.backtest.settings_space import SPACE, VARIANTS, Settings, assignments, draw
from evergreen.backtest.workers import work
from evergreen.domain.windows import Window

Say = Callable[[str], None]


def tune(
    plan: Plan,
    raw: dict[str, Any],
    *,
    trials: int,
    parts: int,
    price: float,
    seed: int,
    say: Say,
) -> dict[str, Any]:
    """Return what was tried, the trade-off, and a proposal with its proof, or None.

    Parameters:
        plan: history, window and processes.
        raw: model.yaml as it is written.
        trials: settings to try, model.yaml's own among them.
        parts: of the window, of which the last chooses nothing.
        price: clicks that a retraining must win to be worth it.
        say: told how far it is.

    Raises:
        BacktestInvalid: the window is too short for so many parts.
    """
    plan.check()
    plan.cache.root.mkdir(parents=True, exist_ok=True)
    plan.cache.sweep()
    windows = parts_of(plan.window, parts)
    with pool_of(plan) as pool:
        pool.submit(work, "begin", plan.window.start).result()

        def judge(settings: Sequence[Settings], window: Window) -> list[Score]:
            say(f"{len(settings)} settings over {window}")
            return _judge(pool, raw, settings, window)

        tried = halve(draw(trials, seed=seed, space=SPACE), windows, judge, price=price)
        best = proposed(tried, price=price)
        if best is not None:
            tried = _with_variants(tried, best, windows, judge, price=price)
    best = proposed(tried, price=price)
    return {
        "model": plan.spec.model,
        "windows": [str(window) for window in windows],
        "price": price,
        "tried": [one.to_json() for one in tried],
        "front": [
            {"retrains": count, "ctr": round(ctr, 6), "settings": dict(settings)}
            for count, ctr, settings in front(tried)
        ],
        "proposal": best.to_json() if best else None,
        "own": next(one for one in tried if not one.settings).to_json(),
    }


def _with_variants(
    tried: list[Tried],
    best: Tried,
    windows: Sequence[Window],
    judge: Callable[[Sequence[Settings], Window], list[Score]],
    *,
    price: float,
) -> list[Tried]:
    """Return what was tried, and the best setting with other variants."""
    (name, choices), *_ = VARIANTS.items()
    more = [{**best.settings, name: choice} for choice in choices[1:]]
    chosen, whole = judge(more, windows[-2]), judge(more, windows[-1])
    others = [
        Tried(settings=settings, scores=(one,), proof=two.since(one))
        for settings, one, two in zip(more, chosen, whole, strict=True)
    ]
    worth = best.scores[-1].worth(price)
    better = [one for one in others if one.scores[-1].worth(price) > worth]
    return [*better, *tried, *(one for one in others if one not in better)]


def _judge(
    pool: ProcessPoolExecutor, raw: dict[str, Any], settings: Sequence[Settings], window: Window
) -> list[Score]:
    policy = parse_policy("triggered")
    asked = [
        pool.submit(work, "trial", with_overrides(raw, assignments(one)), policy, window)
        for one in settings
    ]
    return [_score(task.result()) for task in asked]


def _score(found: object) -> Score:
    assert isinstance(found, Score)
    return found
