"""The features of a published set are made again from what its version was trained from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from made_shop import END, MODEL, Shop, land, landed_window, make_models, make_orders

from evergreen.domain.windows import HOUR
from evergreen.orchestration.served_features import ServedFeatures, served_features
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.model_code import load_code

AGAIN = END - 20 * HOUR  # four in the morning: the shop sold nothing


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path / "home", tmp_path / "lake", make_models(tmp_path / "models"))
    land(made.lake, make_orders(), landed_window())
    with made.entered():
        yield made


@pytest.fixture
def release(shop: Shop) -> Any:
    """A version of the made window, as far as making its features again asks."""
    frozen = shop.freeze()
    return SimpleNamespace(version=1, run_key=frozen["run_key"], as_of=END)


def published(shop: Shop, release: Any) -> pl.DataFrame:
    """Return the candidates as the trainer makes them for the published set."""
    run = shop.ledger.run(release.run_key)
    paths = [file["path"] for file in RunDir(run.manifest["run_dir"]).manifest()["files"]]
    code = load_code(shop.models_dir, MODEL)
    orders = shop.lake.read_files("orders", paths)
    ((_, candidates),) = code.candidates(orders, [END], length=shop.spec.train.candidates)
    return candidates


def made_again(shop: Shop, release: Any) -> ServedFeatures | None:
    return served_features(shop.spec, release, lake=shop.lake, ledger=shop.ledger)


def test_they_are_those_of_the_published_set(shop: Shop, release: Any) -> None:
    served = published(shop, release)
    pairs = served.select("context_item_id", "item_id").sample(50, seed=7)
    unknown = pl.DataFrame({"context_item_id": ["i00", None], "item_id": ["never", "i01"]})
    found = made_again(shop, release)(pl.concat([pairs, pairs.head(3), unknown]))
    assert found.height == 50
    assert found.equals(pairs.join(served, on=["context_item_id", "item_id"], how="left"))


def test_an_hour_that_was_landed_again_since_is_no_skew(shop: Shop, release: Any) -> None:
    pairs = published(shop, release).head(20)
    late = make_orders().filter(pl.col("order_time") >= END).head(400)
    late = late.with_columns(order_time=pl.lit(AGAIN).dt.cast_time_unit("us"))
    shop.lake.land_hour("orders", AGAIN, late)
    assert made_again(shop, release)(pairs.select("context_item_id", "item_id")).equals(pairs)


def test_other_code_makes_other_features(shop: Shop, release: Any) -> None:
    path = shop.models_dir / MODEL / "features.py"
    path.write_text(path.read_text() + "\n# edited\n")
    assert made_again(shop, release) is None


def test_a_version_without_a_run_here_has_none(shop: Shop, release: Any) -> None:
    release.run_key = "by hand"
    assert made_again(shop, release) is None


def test_files_that_are_gone_leave_skew_unknown(shop: Shop, release: Any) -> None:
    for file in Path(shop.lake.url).glob("orders/hour=2011-04-1*/*.parquet"):
        file.unlink()
    assert made_again(shop, release) is None
