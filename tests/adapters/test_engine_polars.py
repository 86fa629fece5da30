"""Sketches equal a count row by row; bad columns are told and bad files named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from made_impressions import HOUR, impressions
from sketched_by_hand import by_hand

from evergreen.adapters import engine_numbers, engine_rows
from evergreen.adapters.engine_plan import plan_of
from evergreen.adapters.engine_polars import PolarsEngine
from evergreen.adapters.engine_sample import sample_numbers
from evergreen.adapters.lake import Lake
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.errors import ColumnMissing, ColumnTypeWrong, FileCorrupt, WindowInvalid
from evergreen.domain.sketch import POSITIONS, HourSketch, merge
from evergreen.domain.windows import Window

HOURS = [HOUR + timedelta(hours=i) for i in range(4)]
WINDOW = Window(HOURS[0], HOURS[-1] + timedelta(hours=1))
ONE_HOUR = Window.of_hour(HOUR)
NONE_AT = (0,) * POSITIONS
PRICE: dict[str, Bins] = {"price": NumericBins(edges=(0.0, 0.5, 1.0))}
COLUMNS: dict[str, Bins] = {
    **PRICE,
    "score": NumericBins(edges=(0.3, 0.7)),
    "brand": LevelBins(groups=(("a",), ("b", "c"))),
    "source": LevelBins(groups=(("model",), ("fallback",))),
}


def random_hour(rng: np.random.Generator, hour: Any, rows: int) -> pl.DataFrame:
    """Impressions with every kind of value: NaN, null, infinite, on an edge, never seen before."""
    values = rng.choice([-5.0, 0.0, 0.5, 1.0, 1.5, 99.0, np.inf, np.nan], rows)
    return impressions(
        hour,
        rows,
        page_view_id=[f"p{n}" for n in rng.integers(0, rows // 3, rows)],
        score=rng.random(rows).round(1).tolist(),
        model_version=rng.choice(np.array(["1", "2", None], dtype=object), rows).tolist(),
        source=rng.choice(["model", "fallback"], rows).tolist(),
        clicked=[[None, True, False][n] for n in rng.integers(0, 3, rows)],
        price=pl.Series(values).set(pl.Series(rng.random(rows) < 0.2), None).to_list(),
        brand=rng.choice(np.array(["a", "b", "c", "d", None], dtype=object), rows).tolist(),
    ).cast({"price": pl.Float32})


def stored(lake: Lake, hour: Any = HOUR) -> Path:
    """Return the file of an hour."""
    entry = lake.require_closed("impressions", hour).files[0]
    return Path(lake.files.uri(f"impressions/{entry.path}"))


@pytest.mark.parametrize("batch", [7, 10_000])
def test_as_counted_by_hand(lake: Lake, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_rows, "BATCH_ROWS", batch)  # page views cross the batches
    monkeypatch.setattr(engine_numbers, "TOGETHER_ROWS", 50 * batch)
    rng = np.random.default_rng(11)
    frames = {hour: random_hour(rng, hour, 400) for hour in HOURS}
    for hour, frame in frames.items():
        lake.land_hour("impressions", hour, frame)
    for version in ("1", "absent", None):
        found = PolarsEngine(lake).sketches(WINDOW, COLUMNS, version=version)
        assert found == {hour: by_hand(f, COLUMNS, version) for hour, f in frames.items()}
    total = merge(found.values())
    assert total.impressions == 1_600
    assert min(total.labelled, total.fallback, *total.bins["price"], *total.bins["brand"]) > 0


def test_one_hour_by_hand(lake: Lake) -> None:
    frame = impressions(
        rows=6,
        page_view_id=["a", "b", "a", "a", "b", "c"],
        position=[1, 25, 2, 0, 1, 1],
        model_version=["1", "1", "1", "1", "2", None],
        source=["model", "model", "fallback", "model", "model", "model"],
        clicked=[True, False, None, True, True, True],
        score=[0.5, float("nan"), 0.0, 0.6, 0.1, 0.1],
    )
    lake.land_hour("impressions", HOUR, frame)
    found = PolarsEngine(lake).sketches(ONE_HOUR, {"score": NumericBins(edges=(0.5,))}, version="1")
    assert found == {
        HOUR: HourSketch(
            impressions=4,
            labelled=3,
            clicks=2,
            page_views=2,
            fallback=1,
            other_versions=2,
            labelled_at=(1, *NONE_AT[2:], 1),
            clicks_at=(1, *NONE_AT[1:]),
            view_squares=(2 * 2 + 1, 2 * 2, 2 * 2),
            bins={"score": (1, 1, 1)},
        )
    }


def test_immature_clicks_are_no_misses(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=5, clicked=[None] * 5))
    sketch = PolarsEngine(lake).sketches(WINDOW, {}, version="1")[HOUR]
    assert (sketch.impressions, sketch.labelled, sketch.clicks) == (5, 0, 0)
    assert (sketch.page_views, sketch.view_squares) == (1, (0, 0, 0))


def test_closed_hours_without_rows_are_there_and_open_ones_are_not(lake: Lake) -> None:
    lake.land_hour("impressions", HOURS[0], None)
    lake.land_hour("impressions", HOURS[2], impressions(HOURS[2], 1))
    columns: dict[str, Bins] = {
        "score": NumericBins(edges=(0.1, 0.2)),
        "item_id": LevelBins(groups=()),
    }
    found = PolarsEngine(lake).sketches(WINDOW, columns, version="1")
    assert list(found) == [HOURS[0], HOURS[2]]
    assert found[HOURS[0]].bins == {"score": (0, 0, 0, 0), "item_id": (0, 0)}
    assert found[HOURS[0]].labelled_at == NONE_AT
    assert found[HOURS[2]].bins == {"score": (0, 0, 1, 0), "item_id": (1, 0)}
    assert PolarsEngine(lake).sketches(Window(HOUR, HOUR), columns, version="1") == {}


def test_what_cannot_be_counted_is_told_and_the_rest_counted(lake: Lake) -> None:
    frame = impressions(rows=3).with_columns(price=pl.lit("dear"), brand=pl.lit(0.5), empty=None)
    lake.land_hour("impressions", HOUR, frame)
    columns: dict[str, Bins] = {
        **COLUMNS,
        "size": LevelBins(groups=(("s",),)),
        "empty": NumericBins(edges=(1.0,)),
    }
    sketch = PolarsEngine(lake).sketches(ONE_HOUR, columns, version="1")[HOUR]
    assert sketch.bins == {"score": (0, 3, 0, 0), "source": (3, 0, 0, 0), "empty": (0, 0, 3)}
    assert sketch.problems == {
        "price": f"ColumnTypeWrong: {stored(lake)}: column 'price' is String, expected a number",
        "brand": f"ColumnTypeWrong: {stored(lake)}: column 'brand' is Float64, expected a category "
        "(text, integer, boolean)",
        "size": f"ColumnMissing: {stored(lake)} has no column 'size', expected a category "
        "(text, integer, boolean)",
    }


def test_hours_of_different_schemas(lake: Lake) -> None:
    prices = [pl.lit(0.2), pl.lit(1), pl.lit(None), pl.lit("dear")]
    for hour, price in zip(HOURS, prices, strict=True):
        lake.land_hour("impressions", hour, impressions(hour, 2).with_columns(price=price))
    found = PolarsEngine(lake).sketches(WINDOW, PRICE, version="1")
    assert [sketch.bins.get("price") for sketch in found.values()] == [
        (0, 2, 0, 0, 0),
        (0, 0, 2, 0, 0),
        (0, 0, 0, 0, 2),
        None,
    ]


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda rows: rows.drop("clicked"), ColumnMissing, "has no column 'clicked'"),
        (lambda rows: rows.cast({"clicked": pl.Int8}), ColumnTypeWrong, "'clicked' is Int8"),
        (
            lambda rows: rows.with_columns(pl.col("event_time").dt.offset_by("1h")),
            WindowInvalid,
            "outside its hour 2011-05-02T12",
        ),
    ],
)
def test_a_file_that_breaks_the_contract(lake: Lake, change: Any, error: Any, text: str) -> None:
    lake.land_hour("impressions", HOUR, impressions())
    change(pl.read_parquet(stored(lake))).write_parquet(stored(lake))
    with pytest.raises(error, match=text) as raised:
        PolarsEngine(lake).sketches(ONE_HOUR, {}, version="1")
    assert stored(lake).name in str(raised.value)


@pytest.mark.parametrize("where", ["footer", "pages", "gone"])
def test_a_corrupt_file_is_named(lake: Lake, where: str) -> None:
    for hour in HOURS[:2]:
        lake.land_hour("impressions", hour, random_hour(np.random.default_rng(1), hour, 3_000))
    path = stored(lake, HOURS[1])
    raw = bytearray(path.read_bytes())
    path.unlink()
    if where == "footer":
        path.write_bytes(raw[:-20])
    elif where == "pages":
        raw[4 : len(raw) // 2] = bytes(len(raw) // 2 - 4)
        path.write_bytes(raw)
    with pytest.raises(FileCorrupt, match=r"hour=2011-05-02T13.* cannot be read as Parquet"):
        PolarsEngine(lake).sketches(WINDOW, COLUMNS, version="1")


def test_a_file_in_memory_of_a_remote_store() -> None:
    lake = Lake("memory://engine-test")
    lake.land_hour("impressions", HOUR, impressions(rows=3))
    found = PolarsEngine(lake).sketches(
        ONE_HOUR, {"item_id": LevelBins(groups=(("i1",),))}, version="1"
    )
    assert found[HOUR].bins == {"item_id": (1, 2, 0)}


def test_bins_share_out_the_rows(lake: Lake) -> None:
    for hour in HOURS:
        rows = 2_000
        frame = impressions(
            hour,
            rows,
            score=[i / rows for i in range(rows)],
            brand=["a"] * 1_500 + ["b"] * 400 + [None] * 100,
            model_version=["1"] * 1_990 + ["2"] * 10,
        )
        lake.land_hour("impressions", hour, frame)
    found = PolarsEngine(lake).make_bins(
        WINDOW, numeric=["score", "absent"], categorical=["brand", "none"], version="1"
    )
    assert found["brand"] == LevelBins(groups=(("a",), ("b",)))
    assert found["absent"] == NumericBins(edges=())
    assert found["none"] == LevelBins(groups=())
    sketches = PolarsEngine(lake).sketches(WINDOW, found, version="1").values()
    counts = merge(sketches).bins["score"]
    assert len(counts) == 11
    assert max(counts[:-1]) - min(counts[:-1]) <= 8


def test_a_sample_is_bounded_and_spread(lake: Lake) -> None:
    for hour in HOURS:
        scores = [HOURS.index(hour) + i / 10_000 for i in range(1_000)]
        lake.land_hour("impressions", hour, impressions(hour, 1_000, score=scores))
    plan = plan_of(lake, WINDOW, {"score": NumericBins(edges=())})
    scores = sample_numbers(lake, plan, ["score"], "1", rows=400)["score"]
    assert 395 <= scores.size <= 400
    assert np.bincount(scores.astype(int)).min() >= 97
    again = sample_numbers(lake, plan, ["score"], "1", rows=400)["score"]
    assert scores.tolist() == again.tolist()


def test_the_version_that_served_last(lake: Lake) -> None:
    engine = PolarsEngine(lake)
    assert engine.serving_version(WINDOW) is None
    lake.land_hour("impressions", HOURS[0], impressions(HOURS[0], model_version="1"))
    late_row_first = [HOURS[1] + timedelta(minutes=9), HOURS[1]]
    frame = impressions(HOURS[1], event_time=late_row_first, model_version=["2", "1"])
    lake.land_hour("impressions", HOURS[1], frame)
    lake.land_hour("impressions", HOURS[2], None)
    assert engine.serving_version(WINDOW) == "2"
    assert engine.serving_version(Window.of_hour(HOURS[0])) == "1"
    assert engine.serving_version(Window.of_hour(HOURS[2])) is None
