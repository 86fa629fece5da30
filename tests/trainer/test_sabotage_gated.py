"""A challenger that the gate promotes on the real log, published upside down, goes back in hours.

The first champion is trained at the end of January and left alone; the challenger of April is
really better. What is published of it is inverted: every score is one minus what the model says,
over all of its candidates.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_runs import Versions
from made_shop import MODEL, Shop

from evergreen.config.settings import PROJECT
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.ctr import judge_ctr
from evergreen.monitor.decide import decide
from evergreen.monitor.drift import judge_drift
from evergreen.monitor.measure import measure_hour
from evergreen.release.probation import roll_back_failed
from evergreen.release.promote import promote
from evergreen.storefront.cleaning import clean
from evergreen.storefront.play import play
from evergreen.storefront.sales_log import read_sales_log
from evergreen.trainer import dataset, fit
from evergreen.trainer.choice import best_variant
from evergreen.trainer.dataset import build_dataset
from evergreen.trainer.evaluate import evaluate
from evergreen.trainer.fit import train
from evergreen.trainer.gate_run import gate
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.scoring import load_booster, rank_candidates

REAL = Path(__file__).parents[3] / "shared" / "data" / "online_retail" / "online_retail.parquet"
OPENED = datetime(2010, 12, 1, tzinfo=UTC)
TRAINED = datetime(2011, 2, 2, tzinfo=UTC)
SWITCHED = datetime(2011, 4, 19, 9, tzinfo=UTC)
"""A hard day: the old champion's CTR is known to a fourth only, and clicks alone need days."""
HOURS = 6
pytestmark = [pytest.mark.data, pytest.mark.timeout(600)]


@pytest.fixture
def orders() -> pl.DataFrame:
    if not REAL.is_file():
        pytest.skip(f"{REAL} is not here")
    return clean(read_sales_log(REAL)).orders


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "home", tmp_path / "lake", PROJECT / "include" / "models")


def serve(shop: Shop, orders: pl.DataFrame, start: datetime, end: datetime) -> None:
    play(
        orders,
        Window(start, end),
        lake=shop.lake,
        published=shop.published,
        features=shop.spec.features.names,
    )


def retrain(shop: Shop, registry: Versions, until: datetime, *, inverted: bool) -> dict[str, Any]:
    """Do what the DAG does up to CURRENT; nobody smokes, as the sabotage is what is tried."""
    spec, ledger, run_dir = shop.spec, shop.ledger, shop.freeze(until=until)["run_dir"]
    build_dataset(run_dir, shop.settings)
    for variant in spec.train.variants:
        train(run_dir, variant, registry=registry)
    champion = ledger.champion(MODEL)
    expected = champion.version if champion else None
    evaluate(run_dir, expected, published=shop.published, registry=registry)
    said = gate(run_dir, champion_version=expected, ledger=ledger)
    assert said["verdict"] == "PROMOTE", said["reasons"]
    release = promote(
        spec,
        version=said["version"],
        expected=expected,
        run_key=said["run_key"],
        as_of=until,
        reason="; ".join(said["reasons"]),
        evidence=said["evidence"],
        ledger=ledger,
    )
    lists, popular = published_lists(RunDir(run_dir), shop, inverted=inverted)
    shop.published.write(release.version, lists, popular, as_of=until)
    shop.published.flip(release.version, release.fence)
    return said


def published_lists(
    run: RunDir, shop: Shop, *, inverted: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    step = fit.step_name(best_variant(run, shop.spec)["variant"])
    file = run.fetch(step, fit.MODEL_FILE, shop.home / "booster.ubj")
    lists = rank_candidates(
        load_booster(file), run.table(dataset.STEP, "publish_candidates.parquet")
    )
    if inverted:
        rank = pl.int_range(1, pl.len() + 1, dtype=pl.Int16).over("context_item_id")
        lists = (
            lists.with_columns(score=1 - pl.col("score"))
            .sort(["context_item_id", "score"], descending=[False, True], maintain_order=True)
            .with_columns(rank=rank)
        )
    return lists, run.table(dataset.STEP, "publish_popular.parquet")


def watched(shop: Shop, orders: pl.DataFrame, hour: datetime) -> dict[str, Any]:
    serve(shop, orders, hour, hour + HOUR)
    measure_hour(shop.spec, hour, lake=shop.lake, ledger=shop.ledger, replay=False)
    judge_ctr(shop.spec, hour, ledger=shop.ledger, replay=False)
    judge_drift(shop.spec, hour, ledger=shop.ledger, replay=False)
    return decide(shop.spec, hour, ledger=shop.ledger, replay=False)


def test_it_passes_the_gate_and_is_rolled_back_within_six_hours(
    shop: Shop, orders: pl.DataFrame, tmp_path: Path
) -> None:
    registry = Versions(tmp_path / "versions")
    serve(shop, orders, OPENED, TRAINED)
    retrain(shop, registry, TRAINED, inverted=False)
    serve(shop, orders, TRAINED, SWITCHED)
    last = SWITCHED - HOUR
    measure_hour(shop.spec, last, lake=shop.lake, ledger=shop.ledger, replay=False)
    retrain(shop, registry, SWITCHED, inverted=True)
    for hours in range(HOURS):
        said = watched(shop, orders, SWITCHED + hours * HOUR)
        if said["action"] == "request_rollback":
            break
    trial = said["evidence"]["probation"]
    assert said["action"] == "request_rollback", trial["reason"]
    assert (trial["version"], trial["replaced_version"]) == (2, 1)
    assert hours == 0
    assert trial["scores"]["psi"] > 5
    ledger, published = shop.ledger, shop.published
    made = roll_back_failed(shop.spec, verdict=trial, ledger=ledger, published=published)
    assert made is not None
    published.flip(made.version, made.fence)
    current = published.current()
    assert current is not None
    assert (made.version, made.kind, current.version) == (1, "probation", 1)
    assert ledger.blocked(MODEL) == frozenset({2})
