"""The settings that `evergreen tune` tries: values around the defaults, drawn without order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import Any

SPACE: dict[str, tuple[Any, ...]] = {
    "monitor.ctr.min_drop": (0.05, 0.10, 0.20),
    "monitor.ctr.max_drop": (0.05, 0.10, 0.15, 0.25),
    "monitor.fallback.max_share": (0.03, 0.05, 0.10, 0.20),
    "monitor.window": ("7d", "14d"),
    "monitor.trigger.cooldown": ("24h", "72h", "168h"),
    "monitor.trigger.max_model_age": ("14d", "28d", "56d"),
}
VARIANTS = {"train.variants": (["full_28d", "recent_7d", "fresh_24h"], ["full_28d"])}
"""Tried last, for the best settings alone: other variants are other trainings."""

Settings = Mapping[str, Any]


def draw(count: int, *, seed: int, space: Mapping[str, tuple[Any, ...]] = SPACE) -> list[Settings]:
    """Return so many different settings, first the empty one: model.yaml as it is.

    Fewer come back where the space holds fewer.

    Example:
        >>> draw(3, seed=1, space={"a": (1, 2)})
        [{}, {'a': 1}, {'a': 2}]
    """
    names, rng = list(space), random.Random(seed)  # noqa: S311  (no secret rests on it)
    every = [dict(zip(names, values, strict=True)) for values in itertools.product(*space.values())]
    chosen = every if len(every) < count else rng.sample(every, max(count - 1, 0))
    return [{}, *chosen]


def assignments(settings: Settings) -> list[str]:
    """Return them as `--set` takes them.

    Example:
        >>> assignments({"monitor.window": "7d", "train.variants": ["full_28d"]})
        ['monitor.window=7d', 'train.variants=["full_28d"]']
    """
    return [f"{name}={_text(value)}" for name, value in settings.items()]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return str(value)
