"""A small shop to train on: 60 items in clusters that are bought together, 42 days, seeded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import ORDERS
from evergreen.adapters.ledger import Ledger
from evergreen.adapters.published import Published
from evergreen.adapters.registry import Registry
from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.config.settings import PROJECT, Settings, settings
from evergreen.domain.windows import Window
from evergreen.trainer.freeze import freeze_window

MODEL = "also_bought"
START = datetime(2011, 3, 7, tzinfo=UTC)
DAYS = 43
END = START + timedelta(days=DAYS - 1)
"""Of the window that is trained on; one more day is landed behind it."""
HOLDOUT_START = END - timedelta(days=3)
CLUSTERS, ITEMS_A_CLUSTER, ORDERS_A_DAY = 6, 10, 15


def spec_body(**more: Any) -> dict[str, Any]:
    """Return a `model.yaml` with short windows; sections given are merged over it."""
    body = yaml.safe_load((PROJECT / "include" / "models" / MODEL / "model.yaml").read_text())
    small: dict[str, dict[str, Any]] = {
        "train": {
            "window": "14d",
            "lookback": "28d",
            "validation": "2d",
            "snapshot_every": "48h",
            "candidates": 12,
            "variants": ["full_28d"],
            "rounds": 30,
            "early_stopping_rounds": 5,
            "params": {"max_depth": 3, "min_child_weight": 1, "nthread": 1},
        },
        "gate": {"holdout": "3d", "min_page_views": 20, "resamples": 500},
    }
    for section in {*small, *more}:
        body[section] = {**body.get(section, {}), **small.get(section, {}), **more.get(section, {})}
    return dict(body)


def make_models(folder: Path, body: Mapping[str, Any] | None = None) -> Path:
    """Write a models folder with the real features.py and a small model.yaml."""
    target = folder / MODEL
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT / "include" / "models" / MODEL / "features.py", target / "features.py")
    (target / "model.yaml").write_text(yaml.safe_dump(dict(body or spec_body())))
    return folder


def make_orders(seed: int = 7, days: int = DAYS) -> pl.DataFrame:
    """Return order lines; baskets draw from one cluster, and now and then from any."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[Any]] = {name: [] for name in ("time", "order", "item", "line", "user")}
    for day in range(days):
        for n in range(rng.poisson(ORDERS_A_DAY) if day % 7 != 6 else 0):
            time = START + timedelta(days=day, minutes=int(rng.integers(8 * 60, 18 * 60)))
            cluster, size = rng.integers(CLUSTERS), int(rng.integers(2, 7))
            own = cluster * ITEMS_A_CLUSTER + rng.choice(ITEMS_A_CLUSTER, size, replace=False)
            strays = rng.integers(CLUSTERS * ITEMS_A_CLUSTER, size=size)
            items = np.where(rng.random(size) < 0.85, own, strays)
            for line, item in enumerate(items):
                rows["time"].append(time)
                rows["order"].append(f"o{day:02}-{n:02}")
                rows["item"].append(f"i{item:02}")
                rows["line"].append(line)
                rows["user"].append(f"u{rng.integers(200)}" if line == 0 else rows["user"][-1])
    price = {f"i{i:02}": round(1 + i * 0.37 % 9, 2) for i in range(CLUSTERS * ITEMS_A_CLUSTER)}
    return pl.DataFrame(
        {
            "order_time": rows["time"],
            "order_id": rows["order"],
            "user_id": rows["user"],
            "item_id": rows["item"],
            "quantity": 1,
            "unit_price": [price[item] for item in rows["item"]],
            "country": "GB",
            "line": rows["line"],
        },
        schema_overrides={**ORDERS.required, **ORDERS.optional},
    ).sort("order_time", maintain_order=True)


def land(lake: Lake, orders: pl.DataFrame, window: Window) -> None:
    """Close every hour of a window with its orders, without waiting for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        by_hour = orders.with_columns(hour=pl.col("order_time").dt.truncate("1h"))
        parts = by_hour.partition_by("hour", as_dict=True, include_key=False)
        for hour in window.hours():
            lake.land_hour("orders", hour, parts.get((hour,)))


def landed_window() -> Window:
    """Return the hours that the made lake holds."""
    return Window(START, START + timedelta(days=DAYS))


@dataclass(frozen=True)
class Shop:
    """One installation: its state below `home`, its lake, its models."""

    home: Path
    lake_url: Path
    models_dir: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, models_dir=self.models_dir, lake_url=str(self.lake_url))

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process work here."""
        return {
            "EVERGREEN_HOME": str(self.home),
            "EVERGREEN_LAKE_URL": str(self.lake_url),
            "EVERGREEN_MODELS_DIR": str(self.models_dir),
        }

    @property
    def spec(self) -> ModelSpec:
        return load_spec(self.models_dir / MODEL)

    @property
    def lake(self) -> Lake:
        return Lake.of(self.spec, self.settings)

    @property
    def ledger(self) -> Ledger:
        ledger = Ledger(self.settings.ledger)
        ledger.migrate()
        return ledger

    @property
    def published(self) -> Published:
        return Published(self.settings.published_root(MODEL))

    @property
    def registry(self) -> Registry:
        return Registry.of(self.settings)

    def freeze(self, **asked: Any) -> dict[str, Any]:
        """Freeze the made window, or another one."""
        asked = {"until": END, **asked}
        return freeze_window(
            self.spec, lake=self.lake, ledger=self.ledger, settings=self.settings, **asked
        )

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this process work here: `settings()` are this installation's."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            settings.cache_clear()
            yield
        settings.cache_clear()

    def copy(self, folder: Path, *, lake: bool = False, models: bool = False) -> Shop:
        """Return a copy to work in; lake and models are shared unless they are asked for."""
        shutil.copytree(self.home, folder / "home")
        parts = {"lake_url": lake, "models_dir": models}
        for name, wanted in parts.items():
            if wanted:
                # links: whoever lands an hour puts a new file in the old one's place
                shutil.copytree(getattr(self, name), folder / name, copy_function=_copy_of(name))
        paths = {n: folder / n if wanted else getattr(self, n) for n, wanted in parts.items()}
        return Shop(home=folder / "home", **paths)


def _copy_of(name: str) -> Callable[[str, str], object]:
    return os.link if name == "lake_url" else shutil.copyfile
