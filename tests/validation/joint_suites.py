"""A model's suites, made to judge many days in one run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from good_world import World

from evergreen.adapters.facts import DayFacts
from evergreen.adapters.quality import suites_of
from evergreen.adapters.quality_suites import default_suites
from evergreen.config.settings import PROJECT, settings

IS_DAY = "is_day"
"""Says which rows are about whole days, where scopes are longer than `day`."""
OWN = PROJECT / "great_expectations"


@contextmanager
def joint_suites(world: World, good: Sequence[DayFacts], folder: Path) -> Iterator[None]:
    """Let validation find this world's suites, with conditions that know `IS_DAY`.

    They are those of the repository for the real data that they were written for; for made data
    they are written anew from the good days, as `evergreen validate init` does.
    """
    suites = suites_of(world.spec.model) if world.real else _anew(world, good)
    shutil.copytree(OWN, folder, ignore=shutil.ignore_patterns("*.json"))
    (folder / "expectations").mkdir(exist_ok=True)
    for frame, suite in suites.items():
        text = json.dumps(_knowing_days(suite))
        (folder / "expectations" / f"{world.spec.model}.{frame}.json").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_GX_DIR", str(folder))
        settings.cache_clear()
        yield
    settings.cache_clear()


def _anew(world: World, good: Sequence[DayFacts]) -> dict[str, dict[str, Any]]:
    frames = {
        frame: pl.concat(facts, how="vertical_relaxed")
        for frame in ("impressions", "orders", "features")
        if (facts := [f for each in good if (f := getattr(each, frame)) is not None])
    }
    return default_suites(world.spec, world.known.profile, frames)


def _knowing_days(suite: dict[str, Any]) -> dict[str, Any]:
    for expectation in suite["expectations"]:
        condition = expectation["kwargs"].get("row_condition")
        if condition:
            condition = condition.replace('scope == "day"', IS_DAY)
            condition = condition.replace('scope != "day"', f"not {IS_DAY}")
            assert "scope" not in condition, f"a condition on scopes that is not known: {condition}"
            expectation["kwargs"]["row_condition"] = condition
    return suite
