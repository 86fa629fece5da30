"""The real sales log as a shop: every hour of it landed, retrained at whatever moment is asked."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from made_runs import Versions
from made_shop import MODEL, Shop

from evergreen.config.settings import PROJECT
from evergreen.domain.windows import Window
from evergreen.release.promote import promote
from evergreen.storefront.log_store import import_log, load_orders
from evergreen.storefront.play import log_window
from evergreen.trainer.dataset import build_dataset
from evergreen.trainer.evaluate import evaluate
from evergreen.trainer.fit import train
from evergreen.trainer.gate_run import gate
from evergreen.trainer.publish import publish

SALES_LOG = PROJECT.parent / "shared" / "data" / "online_retail" / "online_retail.parquet"
VARIANT = "full_28d"


class RealShop:
    """An installation whose lake holds the log's orders; also_bought as it is shipped.

    Args:
        folder: of the installation.
        until: orders from here on are not landed.
        train_changes: keys of the section `train` that are changed, to be quicker.
    """

    def __init__(self, folder: Path, until: datetime, **train_changes: Any) -> None:
        source = PROJECT / "include" / "models" / MODEL
        target = folder / "models" / MODEL
        target.mkdir(parents=True)
        (target / "features.py").write_bytes((source / "features.py").read_bytes())
        body = yaml.safe_load((source / "model.yaml").read_text())
        body["train"] = {**body["train"], "variants": [VARIANT], **train_changes}
        (target / "model.yaml").write_text(yaml.safe_dump(body))
        self.shop = Shop(folder / "home", folder / "lake", folder / "models")
        self.ledger, self.published = self.shop.ledger, self.shop.published
        self.registry = Versions(folder / "versions")
        self._land(until)

    def _land(self, until: datetime) -> None:
        import_log(SALES_LOG, home=self.shop.home)
        orders = load_orders(self.shop.home)
        by_hour = {
            hour: rows
            for (hour,), rows in orders.with_columns(hour=orders["order_time"].dt.truncate("1h"))
            .partition_by("hour", as_dict=True, include_key=False)
            .items()
        }
        lake = self.shop.lake
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: None)
            for hour in Window(log_window(orders).start, until).hours():
                lake.land_hour("orders", hour, by_hour.get(hour))

    def challenge(self, until: datetime) -> dict[str, Any]:
        """Train on everything until a moment and return the gate's verdict."""
        run_dir = self.shop.freeze(until=until)["run_dir"]
        build_dataset(run_dir, self.shop.settings)
        train(run_dir, VARIANT)
        champion = self.ledger.champion(MODEL)
        expected = champion.version if champion else None
        evaluate(run_dir, expected, published=self.published, registry=self.registry)
        return {**gate(run_dir, champion_version=expected, ledger=self.ledger), "run_dir": run_dir}

    def release(self, verdict: dict[str, Any]) -> None:
        """Make a challenger champion and publish it."""
        as_of = datetime.fromisoformat(verdict["as_of"])
        release = promote(
            self.shop.spec,
            version=verdict["version"],
            expected=verdict["expected"],
            run_key=verdict["run_key"],
            as_of=as_of,
            reason="; ".join(verdict["reasons"]),
            evidence=verdict["evidence"],
            ledger=self.ledger,
        )
        publish(
            verdict["run_dir"],
            version=release.version,
            fence=release.fence,
            published=self.published,
        )
