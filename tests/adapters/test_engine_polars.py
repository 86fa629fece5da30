"""Sketches equal a count by numpy, row by row."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_impressions import HOUR, impressions

from evergreen.adapters.engine_polars import PolarsEngine
from evergreen.adapters.lake import Lake
from evergreen.domain.errors import ColumnMissing
from evergreen.domain.profile import NumericBins, ReferenceProfile, count_bins, without_model
from evergreen.domain.sketch import HourSketch, merge
from evergreen.domain.windows import Window

HOURS = [HOUR + timedelta(hours=i) for i in range(4)]
WINDOW = Window(HOURS[0], HOURS[-1] + timedelta(hours=1))
VERSIONS, SOURCES = ["1", "2", None], ["model", "fallback"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def random_hour(rng: np.random.Generator, hour: object, rows: int) -> pl.DataFrame:
    """Impressions with every kind of value: NaN, null, infinite, on an edge, never seen before."""
    values = rng.choice([-5.0, 0.0, 0.5, 1.0, 1.5, 99.0, np.inf, np.nan], rows)
    feature = pl.Series(values).set(pl.Series(rng.random(rows) < 0.2), None)
    return impressions(
        hour,  # type: ignore[arg-type]
        rows,
        page_view_id=[f"p{n}" for n in rng.integers(0, rows // 3, rows)],
        score=rng.random(rows).round(1).tolist(),
        model_version=rng.choice(np.array(VERSIONS, dtype=object), rows).tolist(),
        source=rng.choice(SOURCES, rows).tolist(),
        clicked=[[None, True, False][n] for n in rng.integers(0, 3, rows)],
        price=feature.to_list(),
    ).cast({"price": pl.Float32})


def by_hand(frame: pl.DataFrame, profile: ReferenceProfile) -> HourSketch:
    rows = frame.to_dicts()
    mine = [row for row in rows if row["model_version"] == profile.model_version]
    by_model = [row for row in mine if row["source"] == "model"]
    return HourSketch(
        impressions=len(mine),
        labelled=sum(row["clicked"] is not None for row in mine),
        clicks=sum(row["clicked"] is True for row in mine),
        page_views=len({row["page_view_id"] for row in mine}),
        fallback=sum(row["source"] == "fallback" for row in mine),
        other_versions=len(rows) - len(mine),
        bins={
            name: tuple(
                map(
                    int,
                    count_bins(
                        [np.nan if row[name] is None else row[name] for row in by_model],
                        bins.edges,
                    ),
                )
            )
            for name, bins in profile.columns.items()
        },
    )


def a_profile(**columns: NumericBins) -> ReferenceProfile:
    return ReferenceProfile(
        model_version="1", ctr=0.1, fallback_share=0.0, impressions=1, columns=columns
    )


def test_as_counted_by_numpy(lake: Lake) -> None:
    rng = np.random.default_rng(11)
    profile = a_profile(
        score=NumericBins.of(rng.random(300).round(1)),
        price=NumericBins(edges=(0.0, 0.5, 1.0), shares=(0.3, 0.3, 0.2, 0.1, 0.1)),
    )
    frames = {hour: random_hour(rng, hour, 400) for hour in HOURS}
    for hour, frame in frames.items():
        lake.land_hour("impressions", hour, frame)
    found = PolarsEngine(lake).sketches(WINDOW, profile)
    assert found == {hour: by_hand(frame, profile) for hour, frame in frames.items()}
    total = merge(found.values())
    assert total.impressions + total.other_versions == 1_600
    assert min(total.labelled, total.fallback, *total.bins["price"]) > 0
    for counts in total.bins.values():  # every row of the model is in one bin
        assert sum(counts) == total.impressions - total.fallback


def test_one_hour_by_hand(lake: Lake) -> None:
    frame = impressions(
        rows=6,
        page_view_id=["a", "a", "a", "b", "b", "c"],
        model_version=["1", "1", "1", "1", "2", None],
        source=["model", "model", "fallback", "model", "model", "model"],
        clicked=[True, None, False, False, True, True],
        score=[0.5, 0.6, 0.0, float("nan"), 0.1, 0.1],
    )
    lake.land_hour("impressions", HOUR, frame)
    profile = a_profile(score=NumericBins(edges=(0.5,), shares=(0.5, 0.5, 0.0)))
    assert PolarsEngine(lake).sketches(Window.of_hour(HOUR), profile) == {
        HOUR: HourSketch(
            impressions=4,
            labelled=3,
            clicks=1,
            page_views=2,
            fallback=1,
            other_versions=2,
            bins={"score": (1, 1, 1)},
        )
    }


def test_immature_clicks_are_no_misses(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=5, clicked=[None] * 5))
    sketch = PolarsEngine(lake).sketches(WINDOW, without_model("1"))[HOUR]
    assert (sketch.impressions, sketch.labelled, sketch.clicks) == (5, 0, 0)


def test_closed_hours_without_rows_are_there_and_open_ones_are_not(lake: Lake) -> None:
    lake.land_hour("impressions", HOURS[0], None)
    lake.land_hour("impressions", HOURS[2], impressions(HOURS[2], 3))
    profile = a_profile(score=NumericBins(edges=(0.1, 0.2), shares=(1.0, 0.0, 0.0, 0.0)))
    found = PolarsEngine(lake).sketches(WINDOW, profile)
    assert list(found) == [HOURS[0], HOURS[2]]
    assert found[HOURS[0]] == HourSketch(bins={"score": (0, 0, 0, 0)})
    assert found[HOURS[2]].bins == {"score": (0, 0, 3, 0)}
    assert PolarsEngine(lake).sketches(Window(HOUR, HOUR), profile) == {}


def test_a_feature_that_is_null_everywhere(lake: Lake) -> None:
    frame = impressions(rows=3).with_columns(price=pl.lit(None))
    lake.land_hour("impressions", HOUR, frame)
    profile = a_profile(price=NumericBins(edges=(1.0,), shares=(0.5, 0.5, 0.0)))
    assert PolarsEngine(lake).sketches(WINDOW, profile)[HOUR].bins == {"price": (0, 0, 3)}


def test_a_feature_that_was_not_logged(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions())
    profile = a_profile(price=NumericBins(edges=(1.0,), shares=(0.5, 0.5, 0.0)))
    with pytest.raises(ColumnMissing, match="'price'"):
        PolarsEngine(lake).sketches(WINDOW, profile)


def test_a_feature_without_edges(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=3))
    profile = a_profile(score=NumericBins.of([]))
    assert PolarsEngine(lake).sketches(WINDOW, profile)[HOUR].bins == {"score": (3, 0)}


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
