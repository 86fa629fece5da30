"""The shop: it plays a sales log, a month without a model and then weeks with one champion."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from good_world import DAY, SALES_LOG, WEEK, World, rows_of_day

from evergreen.adapters.facts import Known
from evergreen.adapters.installation import open_lake, open_ledger, open_published, spec_of
from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.windows import Window
from evergreen.monitor.measure import profile_of
from evergreen.orchestration.in_process import retrain
from evergreen.storefront import shop as built_in
from evergreen.storefront.log_store import import_log, load_orders
from evergreen.storefront.offers import NO_VERSION
from evergreen.storefront.play import play
from evergreen.trainer.model_code import load_code

MODEL = "also_bought"
QUICK: dict[str, dict[str, Any]] = {
    "train": {"window": "14d", "lookback": "14d", "validation": "2d", "rounds": 20}
    | {"variants": ["full_28d"], "params": {"max_depth": 4, "min_child_weight": 50}},
    "gate": {"holdout": "7d", "min_page_views": 50},
    "deploy": {"approval": "inconclusive"},  # a week is not enough to be sure of a first champion
}


@dataclass(frozen=True, kw_only=True)
class Season:
    """Which days of a sales log are played: until the release without a model, then with one."""

    log: Path | None
    start: datetime
    release: datetime
    end: datetime
    day: datetime


REAL_SEASON = Season(
    log=SALES_LOG,
    start=datetime(2011, 3, 7, tzinfo=UTC),
    release=datetime(2011, 4, 8, tzinfo=UTC),
    end=datetime(2011, 5, 28, tzinfo=UTC),
    day=datetime(2011, 4, 18, tzinfo=UTC),  # the busiest day since December
)
MADE_SEASON = Season(
    log=None,
    start=built_in.START,
    release=built_in.START + timedelta(days=31),
    end=built_in.START + timedelta(days=56),
    day=built_in.START + timedelta(days=45),  # a Thursday, its busiest weekday
)


def shop_world(home: Path) -> World:
    """Return the shop: a month without a model, then weeks of one champion that grows old."""
    season = REAL_SEASON if SALES_LOG.is_file() else MADE_SEASON
    make_shop(home, season)
    return read_shop(home, season)


def make_shop(home: Path, season: Season) -> None:
    """Play the season into an installation in this folder."""
    _copy_model(home / "models" / MODEL)
    with _installed(home):
        spec = spec_of(MODEL)
        import_log(season.log, home=home)
        _play(spec, Window(season.start, season.release))
        said = retrain(spec, until=season.release, reason="the first", approved_by="the test")
        assert said["released"], f"the gate kept the first champion back: {said['reasons']}"
        _play(spec, Window(season.release, season.end))


def read_shop(home: Path, season: Season) -> World:
    """Return the world of an installation in which the season was played."""
    days = Window(season.release, season.end).length // DAY
    good = tuple(season.release + n * DAY for n in range(days))
    with _installed(home):
        spec, champion = spec_of(MODEL), open_ledger().champion(MODEL)
        assert champion is not None
        lake, version = open_lake(spec), str(champion.version)
        return World(
            spec=spec,
            root=home / "lake" / MODEL,
            known=Known(
                versions=frozenset({version, NO_VERSION}),
                items=_published_items(spec, champion.version),
                profile=profile_of(MODEL, version, open_ledger()),
                recompute=_recompute(spec, season.release),
            ),
            day=season.day,
            usual=_usual(lake, good[len(good) // 3 :]),
            good=good,
            real=season.log is not None,
        )


@contextmanager
def _installed(home: Path) -> Iterator[None]:
    """Let this process work in an installation, without waiting for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_HOME", str(home))
        patch.setenv("EVERGREEN_MODELS_DIR", str(home / "models"))
        patch.setattr(os, "fsync", lambda _: None)
        settings.cache_clear()
        yield
    settings.cache_clear()


def _copy_model(folder: Path) -> None:
    source = PROJECT / "include" / "models" / folder.name
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    body = yaml.safe_load((folder / "model.yaml").read_text())
    for section, values in QUICK.items():
        body[section] = {**body[section], **values}
    (folder / "model.yaml").write_text(yaml.safe_dump(body))


def _play(spec: ModelSpec, window: Window) -> None:
    play(
        load_orders(settings().home),
        window,
        lake=open_lake(spec),
        published=open_published(spec),
        features=spec.features.names,
    )


def _published_items(spec: ModelSpec, version: int) -> frozenset[str]:
    published = open_published(spec)
    lists, popular = published.recommendations(version), published.popular(version)
    return frozenset(lists["item_id"]) | frozenset(popular["item_id"])


def _recompute(spec: ModelSpec, as_of: datetime) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return what looks up pairs among the candidates that the lake's orders give now."""
    code = load_code(settings().models_dir, spec.model)
    window = Window.last(spec.train.window + spec.train.lookback, until=as_of)
    orders = open_lake(spec).read("orders", window)
    ((_, table),) = code.candidates(orders, [as_of], length=spec.train.candidates)
    return lambda pairs: pairs.join(table, on=["context_item_id", "item_id"], how="inner")


def _usual(lake: Lake, days: Sequence[datetime]) -> datetime:
    """Return the day of trade whose rows are nearest to those of a week before."""
    ratios = {}
    for day in days:
        rows, before = (rows_of_day(lake, "impressions", d) for d in (day, day - WEEK))
        if rows and before:
            ratios[day] = abs(math.log(rows / before))
    return min(ratios, key=lambda day: ratios[day])
