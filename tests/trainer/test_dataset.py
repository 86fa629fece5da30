"""The data set: cut by time, labelled as the baskets say, and blind to the holdout."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_shop import (
    END,
    HOLDOUT_START,
    MODEL,
    START,
    Shop,
    land,
    make_models,
    make_orders,
    spec_body,
)

from evergreen.config.settings import PROJECT
from evergreen.domain.errors import FeatureInvalid, ManifestInvalid, ModelSpecInvalid, WindowEmpty
from evergreen.domain.windows import Window
from evergreen.trainer.dataset import (
    FeatureCheck,
    Split,
    _validation_start,
    build_dataset,
    with_line,
)
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.model_code import load_code

DAY = timedelta(days=1)
TRAIN_START = END - timedelta(days=14)
TABLES = ("train", "valid", "holdout_candidates", "holdout_popular")


def tables(folder: str) -> dict[str, pl.DataFrame]:
    return {name: RunDir(folder).table("build_dataset", f"{name}.parquet") for name in TABLES}


def test_what_it_says(trained: tuple[Shop, str]) -> None:
    said = RunDir(trained[1]).require("build_dataset")
    orders = make_orders()
    lines = {
        "page_views": orders.filter(
            pl.col("order_time").is_between(TRAIN_START, HOLDOUT_START, "left")
        ).height,
        "holdout_page_views": orders.filter(
            pl.col("order_time").is_between(HOLDOUT_START, END, "left")
        ).height,
    }
    assert {name: said[name] for name in lines} == lines
    assert (said["as_of"], said["holdout_start"]) == (END.isoformat(), HOLDOUT_START.isoformat())
    written = Path(RunDir(trained[1]).path("build_dataset", "train.parquet")).parent
    assert {path.name for path in written.iterdir()} == {
        "train.parquet",
        "valid.parquet",
        "holdout_orders.parquet",
        "window_orders.parquet",
        "holdout_candidates.parquet",
        "holdout_popular.parquet",
        "publish_candidates.parquet",
        "publish_popular.parquet",
    }


def counted(orders: pl.DataFrame, first: datetime, end: datetime) -> tuple[int, int, float]:
    """Rows, clicks and weight of the page views of a period, one after the other."""
    code = load_code(PROJECT / "include" / "models", MODEL)
    before = orders.filter(pl.col("order_time") < HOLDOUT_START)
    moments = [TRAIN_START + i * timedelta(hours=48) for i in range(6)]
    lists: dict[tuple[datetime, str], list[str]] = {}
    for moment, frame in code.candidates(orders, moments, length=12):
        for (context,), part in frame.partition_by("context_item_id", as_dict=True).items():
            lists[moment, str(context)] = part["item_id"].to_list()
    rows, clicks, weight = 0, 0, 0.0
    for (_,), basket in before.partition_by("order_id", as_dict=True).items():
        lines = basket.sort("line")["item_id"].to_list()
        time = basket["order_time"][0]
        if not first <= time < end:
            continue
        moment = max(m for m in moments if m <= time)
        for line, context in enumerate(lines):
            offered = [i for i in lists.get((moment, context), []) if i not in lines[: line + 1]]
            rows += len(offered)
            clicks += sum(item in lines[line + 1 :] for item in offered)
            weight += len(offered) / len(lines)
    return rows, clicks, weight


@pytest.mark.parametrize(
    ("name", "first", "end"),
    [
        ("train", TRAIN_START, HOLDOUT_START - 2 * DAY),
        ("valid", HOLDOUT_START - 2 * DAY, HOLDOUT_START),
    ],
)
def test_rows_and_labels_as_counted_one_by_one(
    trained: tuple[Shop, str], name: str, first: datetime, end: datetime
) -> None:
    frame = tables(trained[1])[name]
    rows, clicks, weight = counted(make_orders(), first, end)
    assert (frame.height, frame["label"].sum()) == (rows, clicks)
    assert frame["weight"].sum() == pytest.approx(weight, rel=1e-5)


def built(shop: Shop, holdout: pl.DataFrame) -> str:
    """Land another holdout, build, and return the run directory."""
    land(shop.lake, holdout, Window(HOLDOUT_START, END))
    folder = str(shop.freeze()["run_dir"])
    build_dataset(folder, shop.settings)
    return folder


def test_the_holdout_changes_no_row_and_no_label(own_lake: Shop, trained: tuple[Shop, str]) -> None:
    other = make_orders(seed=99).with_columns(pl.format("x{}", "order_id").alias("order_id"))
    folder = built(own_lake, other.with_columns(pl.col("unit_price") * 100))
    one, two = tables(trained[1]), tables(folder)
    assert {name: one[name].equals(two[name]) for name in TABLES} == dict.fromkeys(TABLES, True)
    published = [
        RunDir(run).table("build_dataset", "publish_candidates.parquet")
        for run in (trained[1], folder)
    ]
    assert not published[0].equals(published[1])  # it did see other orders


def test_a_basket_that_goes_on_in_the_holdout_is_cut(
    own_lake: Shop, trained: tuple[Shop, str]
) -> None:
    orders = make_orders()
    last = orders.filter(pl.col("order_time") < HOLDOUT_START)["order_id"][-1]
    first_three = pl.int_range(pl.len()).over("order_id") < 3
    goes_on = pl.when(first_three).then(pl.lit(last)).otherwise("order_id")
    folder = built(own_lake, orders.with_columns(order_id=goes_on, line=pl.col("line") + 50))
    one, two = tables(trained[1]), tables(folder)
    for name in ("train", "valid"):
        assert one[name].equals(two[name])


def test_cuts_and_moments() -> None:
    spec = Shop(Path(), Path(), PROJECT / "include" / "models").spec
    window = {"start": START.isoformat(), "end": (START + 28 * DAY).isoformat()}
    split = Split.of({"window": window}, spec)
    assert (split.validation, split.holdout) == (START + 18 * DAY, START + 21 * DAY)
    moments = split.moments(2 * DAY)
    assert moments == [START + 2 * i * DAY for i in range(11)]
    assert moments[-1] < split.holdout
    assert split.moments(7 * DAY)[-1] == START + 14 * DAY


def test_a_finished_step_returns_what_it_found(trained: tuple[Shop, str]) -> None:
    shop, folder = trained
    path = Path(RunDir(folder).path("build_dataset", "train.parquet"))
    before = path.stat().st_mtime_ns
    assert build_dataset(folder, shop.settings) == RunDir(folder).require("build_dataset")
    assert path.stat().st_mtime_ns == before


def test_more_page_views_than_are_wanted_are_sampled(own_lake: Shop) -> None:
    make_models(own_lake.models_dir, spec_body(train={"max_page_views": 100}))
    frozen = own_lake.freeze()
    assert build_dataset(frozen["run_dir"], own_lake.settings)["page_views"] == 100


def test_changed_code_is_refused(own_lake: Shop) -> None:
    frozen = own_lake.freeze()
    with (own_lake.models_dir / MODEL / "features.py").open("a") as file:
        file.write("# changed\n")
    words = f"features.py of {MODEL} changed since run {frozen['run_key']} was frozen; start the"
    with pytest.raises(ManifestInvalid, match=words):
        build_dataset(frozen["run_dir"], own_lake.settings)
    assert RunDir(frozen["run_dir"]).result("build_dataset") is None


def test_a_feature_that_no_code_makes(own_lake: Shop) -> None:
    make_models(own_lake.models_dir, spec_body(features={"numeric": ["price", "colour"]}))
    frozen = own_lake.freeze()
    with pytest.raises(ModelSpecInvalid, match="makes no feature 'colour'; it makes co_24h, co_7d"):
        build_dataset(frozen["run_dir"], own_lake.settings)


WRAPPED = """
_made = candidates
def candidates(*args, **named):
    for moment, frame in _made(*args, **named):
        first = pl.int_range(pl.len()) == 0
        yield moment, frame.with_columns(price={price}.cast(pl.Float32))
"""


@pytest.mark.parametrize(
    ("price", "words"),
    [
        ("pl.lit(float('nan'))", r"feature 'price' is missing \(null or NaN\) in every row"),
        ("pl.lit(None)", r"feature 'price' is missing \(null or NaN\) in every row"),
        (
            "pl.when(first).then(float('inf')).otherwise('price')",
            "feature 'price' holds infinite values; mend features.py",
        ),
    ],
)
def test_a_feature_that_cannot_be_learned_from(own_lake: Shop, price: str, words: str) -> None:
    with (own_lake.models_dir / MODEL / "features.py").open("a") as file:
        file.write(WRAPPED.format(price=price))
    frozen = own_lake.freeze()
    with pytest.raises(FeatureInvalid, match=words):
        build_dataset(frozen["run_dir"], own_lake.settings)
    assert RunDir(frozen["run_dir"]).files.list("build_dataset") == []


@pytest.mark.parametrize("value", [float("nan"), None])
def test_single_missing_values_are_fine(value: float | None) -> None:
    rows = pl.DataFrame({"price": [1.0, value, 2.0]})
    checked = FeatureCheck(("price",))
    checked.add(rows)
    checked.add(rows.clear())
    checked.add(pl.DataFrame({"price": [value, value]}, schema={"price": pl.Float64}))
    checked.finish()
    with pytest.raises(FeatureInvalid, match="infinite"):
        checked.add(pl.DataFrame({"price": [1.0, float("-inf"), value]}))


def test_a_feature_that_is_missing_in_every_part() -> None:
    checked = FeatureCheck(("price",))
    FeatureCheck(("price",)).finish()  # no rows are no proof
    for value in (float("nan"), None):
        checked.add(pl.DataFrame({"price": [value]}, schema={"price": pl.Float64}))
    with pytest.raises(FeatureInvalid, match=r"missing .* in every row"):
        checked.finish()


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (HOLDOUT_START, END, r"^[1-9]\d* page views to learn from .* 0 to be judged on"),
        (TRAIN_START, HOLDOUT_START, r"^0 page views to learn from .* [1-9]\d* to be judged on"),
    ],
)
def test_an_empty_part_of_the_window(
    own_lake: Shop, first: datetime, last: datetime, words: str
) -> None:
    land(own_lake.lake, make_orders().clear(), Window(first, last))
    frozen = own_lake.freeze()
    with pytest.raises(WindowEmpty, match=words):
        build_dataset(frozen["run_dir"], own_lake.settings)


def test_lines_are_counted_where_the_lake_has_none() -> None:
    orders = pl.DataFrame({"order_id": ["a", "b", "a", "a", "b"]})
    assert with_line(orders)["line"].to_list() == [0, 0, 1, 2, 1]
    known: Any = orders.with_columns(line=pl.lit(7))
    assert with_line(known).equals(known)


def test_validation_is_at_least_the_newest_tenth_of_the_page_views() -> None:
    """The days before the holdout may be holidays: then validation begins earlier."""
    day = timedelta(days=1)
    start = datetime(2011, 4, 1, tzinfo=UTC)
    split = Split(
        start=start, validation=start + 15 * day, holdout=start + 18 * day, end=start + 20 * day
    )
    traded = pl.Series([start + i * day / 2 for i in range(20)])  # nothing from the tenth day on
    assert _validation_start(traded, split) == start + 9 * day
    busy = pl.Series([start + i * day for i in range(18)])
    assert _validation_start(busy, split) == start + 15 * day
