"""A shop whose second version's lists were turned upside down after the gate had judged them.

Both versions are lists of the real candidates, most bought together first, popular ones before
others. The first serves for weeks; the second takes its place at nine o'clock, with every list
inverted over all of its candidates: the last ones are shown, the very last first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.adapters.published import Published
from evergreen.adapters.reference import reference_profile
from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.config.settings import PROJECT
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.ctr import judge_ctr
from evergreen.monitor.decide import decide
from evergreen.monitor.measure import measure_hour
from evergreen.storefront.play import play
from evergreen.trainer.model_code import load_code

MODEL = "also_bought"
MODELS = PROJECT / "include" / "models"
RANKED_BY = ("co_28d", "popularity_28d")
TIE_BREAK = 0.01


@dataclass
class SabotagedShop:
    """The shop over one log."""

    orders: pl.DataFrame
    folder: Path

    def __post_init__(self) -> None:
        self.spec: ModelSpec = load_spec(MODELS / MODEL)
        self.lake = Lake(f"{self.folder}/lake")
        self.ledger = Ledger(f"sqlite:///{self.folder}/ledger.db")
        self.ledger.migrate()
        self.published = Published(f"{self.folder}/published")

    def publish(self, version: int, as_of: datetime, *, inverted: bool = False) -> None:
        """Write the set that counts of the time before `as_of` give."""
        code = load_code(MODELS, MODEL)
        known = self.orders.filter(pl.col("order_time") < as_of)
        length = self.spec.train.candidates
        ((_, found),) = code.candidates(known, [as_of], length=length)
        counts = found.select(pl.col(RANKED_BY).fill_null(0).fill_nan(0))
        share = counts.select(pl.all() / pl.all().max())
        score = (share["co_28d"] + TIE_BREAK * share["popularity_28d"]) / (1 + TIE_BREAK)
        scored = found.with_columns(score=(1 - score if inverted else score).cast(pl.Float32))
        lists = (
            scored.sort(["context_item_id", "score"], descending=[False, True], maintain_order=True)
            .with_columns(
                rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int16).over("context_item_id")
            )
            .select("context_item_id", "item_id", "rank", "score", *self.spec.features.names)
        )
        popular = code.popular(known, as_of, length=100).cast(
            {"rank": pl.Int16, "score": pl.Float32}
        )
        self.published.write(version, lists, popular, as_of=as_of)

    def release(self, version: int, as_of: datetime, **evidence: Any) -> None:
        """Promote a published version and put it in force."""
        champion = self.ledger.champion(MODEL)
        made = self.ledger.release(
            MODEL,
            version,
            expected=champion.version if champion else None,
            kind="promotion",
            run_key=f"run-{version}",
            as_of=as_of,
            reason="better",
            evidence=evidence,
        )
        self.published.flip(version, made.fence)

    def serve(self, start: datetime, end: datetime) -> None:
        """Let the shop trade with whatever is in force."""
        play(
            self.orders,
            Window(start, end),
            lake=self.lake,
            published=self.published,
            features=self.spec.features.names,
        )

    def watch(self, hour: datetime) -> dict[str, Any]:
        """Measure, judge and decide an hour, as the monitor does."""
        measure_hour(self.spec, hour, lake=self.lake, ledger=self.ledger, replay=False)
        judge_ctr(self.spec, hour, ledger=self.ledger, replay=False)
        return decide(self.spec, hour, ledger=self.ledger, replay=False)

    def first_champion(self, as_of: datetime, until: datetime) -> None:
        """Version 1 serves until a moment; its profile is made of its first two weeks."""
        self.publish(1, as_of)
        self.published.flip(1, 1)
        self.serve(as_of, until)
        window = Window(as_of, as_of + timedelta(days=14))
        profile = reference_profile(self.lake, window, self.spec, version="1")
        self.release(1, as_of, profile=profile.to_json())
        self.watch(until - HOUR)
