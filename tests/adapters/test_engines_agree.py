"""Polars, DuckDB and Spark count the same, to the unit, and the same as row by row in Python."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from made_impressions import HOUR, impressions
from sketched_by_hand import by_hand

from evergreen.adapters.engine import Engine
from evergreen.adapters.engine_ibis import IbisEngine, highest_that_rounds_to
from evergreen.adapters.engine_polars import PolarsEngine
from evergreen.adapters.lake import Lake
from evergreen.config.settings import PROJECT
from evergreen.domain.bins import Bins, LevelBins, NumericBins, level_bins
from evergreen.domain.errors import ModelSpecInvalid
from evergreen.domain.windows import Window

SPARK = "pyspark://local[2]"
OPEN_BANDIT = PROJECT.parent / "shared" / "data" / "open_bandit"
HOURS = [HOUR + timedelta(hours=i) for i in range(3)]
WINDOW = Window(HOURS[0], HOURS[-1] + timedelta(hours=1))
ROWS, CATEGORIES = 60_000, 100_000


@pytest.fixture(scope="module")
def spark() -> Iterator[str]:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed (evergreen[spark])")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    yield SPARK
    from pyspark.sql import SparkSession

    if (session := SparkSession.getActiveSession()) is not None:
        session.stop()


@pytest.fixture(params=["polars", "duckdb://", "spark"])
def url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("spark") if request.param == "spark" else request.param


def engine(lake: Lake, url: str) -> Engine:
    return PolarsEngine(lake) if url == "polars" else IbisEngine(lake, url)


def nasty_hour(seed: int, rows: int = ROWS) -> pl.DataFrame:
    """Every kind of value that engines are known to treat differently."""
    rng = np.random.default_rng(seed)
    edge = float(np.float32(0.1))
    below, above = (float(np.nextafter(np.float32(0.1), np.float32(to))) for to in (0, 1))
    numbers = [-np.inf, -0.0, 0.0, below, edge, above, 7.0, np.inf, np.nan]
    between = [
        0.1,
        np.inf,
        -np.inf,
        0.0,
        (edge + above) / 2,
        (edge + below) / 2,
        1e300,
        -1e300,
        np.nan,
        edge,
    ]

    def some_null(values: Any, share: float = 0.1) -> pl.Series:
        series = pl.Series(values)
        return series.set(pl.Series(rng.random(rows) < share), None)

    return impressions(
        HOURS[seed],
        rows,
        event_time=[HOURS[seed] + timedelta(milliseconds=50 * i) for i in range(rows)],
        page_view_id=some_null([f"p{n}" for n in rng.integers(0, rows // 5, rows)], 0.01).to_list(),
        position=some_null(rng.integers(-1, 40, rows)).to_list(),
        model_version=rng.choice(np.array(["1", "2", None], dtype=object), rows).tolist(),
        source=rng.choice(np.array(["model", "fallback", None], dtype=object), rows).tolist(),
        clicked=[[None, True, False, False][n] for n in rng.integers(0, 4, rows)],
    ).with_columns(
        single=some_null(rng.choice(numbers, rows)).cast(pl.Float32),
        double=some_null(rng.choice(between, rows)),
        whole=some_null(rng.integers(-5, 5, rows)),
        truth=some_null(rng.integers(0, 2, rows) == 1),
        constant=pl.lit(0.5, dtype=pl.Float32),
        nothing=pl.lit(None),
        level=some_null(rng.choice(["a", "b", "", "A", "ü", "new " + str(seed)], rows)),
        many=pl.Series([f"level-{n}" for n in rng.integers(0, CATEGORIES, rows)]),
        coded=some_null(rng.choice(["x", "y", "z"], rows)).cast(pl.Categorical),
    )


def nasty_columns() -> dict[str, Bins]:
    edges = (-1.0, 0.0, float(np.float32(0.1)), 5.0)
    frequent = {f"level-{n}": CATEGORIES - n // 10 for n in range(CATEGORIES)}
    return {
        "score": NumericBins(edges=(0.25, 0.5)),
        "single": NumericBins(edges=edges),
        "double": NumericBins(edges=(*edges, float(np.finfo(np.float32).max))),
        "whole": NumericBins(edges=(-3.0, 0.0, 2.5)),
        "truth": NumericBins(edges=(0.5,)),
        "constant": NumericBins(edges=()),
        "nothing": NumericBins(edges=(1.0,)),
        "level": LevelBins(groups=(("a",), ("b", ""))),
        "many": level_bins(frequent),
        "coded": LevelBins(groups=(("x",), ("never seen",))),
        "item_id": LevelBins(groups=()),
        "source": LevelBins(groups=(("model",), ("fallback",))),
    }


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[Any, pl.DataFrame]]:
    lake = Lake(str(tmp_path_factory.mktemp("lake")), {"page_view_id": "view-id", "level": "lvl"})
    frames = {HOURS[0]: nasty_hour(0), HOURS[2]: nasty_hour(2, rows=1_000)}
    for hour, frame in frames.items():
        lake.land_hour("impressions", hour, frame)
        file = lake.require_closed("impressions", hour).files[0]
        path = Path(lake.files.uri(f"impressions/{file.path}"))
        frame.rename({"page_view_id": "view-id", "level": "lvl"}).write_parquet(path)
    lake.land_hour("impressions", HOURS[1], None)
    return lake, frames


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("version", ["1", None])
def test_as_counted_by_hand(
    nasty: tuple[Lake, dict[Any, pl.DataFrame]], url: str, version: str | None
) -> None:
    lake, frames = nasty
    columns = nasty_columns()
    found = engine(lake, url).sketches(WINDOW, columns, version=version)
    assert list(found) == HOURS
    empty = frames[HOURS[0]].clear()
    for hour in HOURS:
        assert found[hour] == by_hand(frames.get(hour, empty), columns, version)
    counts = found[HOURS[0]]
    assert min(*counts.bins["single"], *counts.bins["many"][:-1]) > 0
    assert len(columns["many"].labels) == 22
    assert min(counts.page_views, counts.clicks_at[-1], counts.view_squares[2]) > 0


def test_the_same_bins(nasty: tuple[Lake, dict[Any, pl.DataFrame]], url: str) -> None:
    lake, _ = nasty
    asked: dict[str, Any] = {
        "numeric": ["single", "nothing", "absent"],
        "categorical": ["level", "coded", "source", "many", "whole", "absent2"],
    }
    found = engine(lake, url).make_bins(WINDOW, **asked, version="1")
    assert found == PolarsEngine(lake).make_bins(WINDOW, **asked, version="1")
    assert found["nothing"] == found["absent"] == NumericBins(edges=())
    assert found["absent2"] == LevelBins(groups=())
    assert {level for group in found["coded"].groups for level in group} == {"x", "y", "z"}


def test_hours_of_different_schemas(tmp_path: Path, url: str) -> None:
    lake = Lake(str(tmp_path))
    for hour, price in zip(HOURS, (pl.lit(1.5), pl.lit(2), pl.lit("dear")), strict=True):
        lake.land_hour("impressions", hour, impressions(hour, 4).with_columns(price=price))
    columns: dict[str, Bins] = {
        "price": NumericBins(edges=(1.0, 2.0)),
        "age": LevelBins(groups=(("a",),)),
        "score": NumericBins(edges=(0.1,)),
    }
    found = engine(lake, url).sketches(WINDOW, columns, version="1")
    assert [sketch.bins.get("price") for sketch in found.values()] == [(0, 4, 0, 0)] * 2 + [None]
    assert [sketch.bins["score"] for sketch in found.values()] == [(0, 4, 0)] * 3
    for hour, sketch in found.items():
        assert sketch.problems["age"].startswith("ColumnMissing: ")
        assert ("price" in sketch.problems) == (hour == HOURS[2])
    assert "column 'price' is String, expected a number" in found[HOURS[2]].problems["price"]


def open_bandit(policy: str, campaign: str) -> pl.DataFrame:
    """One log as impressions, with its own column names kept for the features."""
    rows = pl.read_csv(OPEN_BANDIT / f"{policy}-{campaign}.csv")
    affinities = [name for name in rows.columns if name.startswith("user-item_affinity")]
    return rows.select(
        event_time=pl.col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC"),
        page_view_id=pl.int_range(pl.len()).cast(pl.String),
        item_id=pl.col("item_id").cast(pl.String),
        position=pl.col("position").cast(pl.Int8),
        score=pl.lit(None, dtype=pl.Float32),
        propensity=pl.col("propensity_score").cast(pl.Float32),
        model_version=pl.lit(policy),
        clicked=pl.col("click") == 1,
        source=pl.lit("model"),
        **{f"user_feature_{i}": f"user_feature_{i}" for i in range(4)},
        **{name: pl.col(name).cast(pl.Float32) for name in affinities},
    )


@pytest.fixture(scope="module")
def bandit(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    if not OPEN_BANDIT.exists():
        pytest.skip(f"{OPEN_BANDIT} is not there")
    lake = Lake(str(tmp_path_factory.mktemp("bandit")))
    rows = pl.concat([open_bandit(policy, "men") for policy in ("random", "bts")])
    by_hour = rows.sort("event_time").group_by(pl.col("event_time").dt.truncate("1h").alias("hour"))
    for (hour,), frame in by_hour:
        lake.land_hour("impressions", hour, frame.drop("hour", strict=False))
    return lake


@pytest.mark.data
def test_a_real_week(bandit: Lake, url: str) -> None:
    hours = bandit.closed_hours("impressions")
    window = Window(hours[0], hours[-1] + timedelta(hours=1))
    numeric = ["propensity", "score", *(f"user-item_affinity_{i}" for i in range(0, 34, 8))]
    columns = PolarsEngine(bandit).make_bins(
        window,
        numeric=numeric,
        categorical=["item_id", *(f"user_feature_{i}" for i in range(4))],
        version="random",
    )
    found = engine(bandit, url).sketches(window, columns, version="bts")
    rows = bandit.read("impressions", window)
    assert len(found) == len(hours) == 168
    for (hour,), frame in rows.group_by(pl.col("event_time").dt.truncate("1h")):
        assert found[hour] == by_hand(frame, columns, "bts")
    assert sum(sketch.impressions for sketch in found.values()) == 10_000


@pytest.mark.parametrize(
    ("url", "words"),
    [("mystery://", "does not connect"), ("trino://nobody@localhost:1/x", "ibis-framework[trino]")],
)
def test_an_engine_that_is_not_there(tmp_path: Path, url: str, words: str) -> None:
    lake = Lake(str(tmp_path))
    lake.land_hour("impressions", HOUR, impressions())
    with pytest.raises(ModelSpecInvalid, match=re.escape(words)):
        IbisEngine(lake, url).sketches(Window.of_hour(HOUR), {}, version="1")


@pytest.mark.parametrize("edge", [0.0, 0.1, -0.1, 1.0, -1.0, 1e-40, 3.4028234663852886e38])
def test_where_rounding_to_float32_passes_an_edge(edge: float) -> None:
    at, highest = np.float32(edge), highest_that_rounds_to(float(np.float32(edge)))
    with np.errstate(over="ignore"):
        assert np.float32(highest) <= at
        assert np.float32(np.nextafter(highest, np.inf)) > at
