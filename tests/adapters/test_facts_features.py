"""Facts of features against the profile, by hand; leakage, skew and the sampled rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from made_day import DAY, KEY, drop, facts, row
from made_impressions import HOUR, impressions
from made_profile import profile_of

from evergreen.adapters import facts_sample
from evergreen.adapters.facts import Known
from evergreen.adapters.lake import Lake
from evergreen.domain.bins import LevelBins, NumericBins
from evergreen.domain.leakage import auc
from evergreen.domain.windows import HOUR as ONE_HOUR
from evergreen.domain.windows import hour_key

NAN, INF = float("nan"), float("inf")
ROWS = 500
FEATURES = {"features": {"numeric": ["x"]}}


X = profile_of({"x": (NumericBins(edges=(0.0, 1.0)), (10, 60, 20, 10))})
"""Of 100 rows 10 are at most 0, 20 above 1, 10 missing."""


def said_of(lake: Lake, known: Known | None = None, **columns: Any) -> dict[str, Any]:
    drop(lake, impressions(rows=ROWS, **columns))
    return row(facts(lake, known, **FEATURES).features, subject="x")


def numbers(*some: tuple[int, float | None]) -> list[float | None]:
    """Return so many rows of each value, the rest 0.5."""
    values = [value for count, value in some for _ in range(count)]
    return values + [0.5] * (ROWS - len(values))


def test_without_a_profile(lake: Lake) -> None:
    said = said_of(lake, x=numbers((50, None), (25, NAN), (3, INF), (2, -INF)))
    assert (said["rows"], said["missing_share"], said["infinite"]) == (500, pytest.approx(0.15), 5)
    nothing = ("missing_excess", "outside_excess", "constant", "unknown_levels", "auc", "skew")
    assert {said[fact] for fact in nothing} == {None}


def test_infinite_values_are_counted_in_an_hour_of_any_size(lake: Lake) -> None:
    served = ["model"] * 135 + ["fallback"] * 485
    drop(lake, impressions(rows=620, x=[INF] * 135 + [0.5] * 485, source=served))
    found = facts(lake, Known(profile=X), **FEATURES)
    said = row(found.features, subject="x")
    assert (said["rows"], said["infinite"]) == (135, 135)
    assert {said[fact] for fact in ("missing_share", "outside_excess", "constant")} == {None}
    assert row(found.impressions)["own_rows"] == 135


def test_against_the_profile(lake: Lake) -> None:
    values = numbers((100, None), (100, 0.0), (50, 1.0), (80, 1.5), (20, INF))
    said = said_of(lake, Known(profile=X), x=values)
    assert said["missing_excess"] == pytest.approx(0.2 - 0.1)
    # of 400 values 100 are in the first bin and 100 in the last; of the reference 30 of 90
    assert said["outside_excess"] == pytest.approx(200 / 400 - 30 / 90)
    assert (said["constant"], said["unknown_levels"]) == (False, None)


def test_not_a_number_is_in_no_bin(lake: Lake) -> None:
    said = said_of(lake, Known(profile=X), x=numbers((200, NAN)))
    assert said["outside_excess"] == pytest.approx(-30 / 90)


def test_a_constant(lake: Lake) -> None:
    assert said_of(lake, Known(profile=X), x=numbers((200, None)))["constant"] is True
    assert said_of(lake, Known(profile=X), x=numbers((1, 0.4)))["constant"] is False
    assert said_of(lake, Known(profile=X), x=[None] * ROWS)["constant"] is None
    assert said_of(lake, Known(profile=X), x=[NAN] * ROWS)["constant"] is None
    always = profile_of({"x": (NumericBins(edges=(0.5,)), (90, 0, 10))})
    assert said_of(lake, Known(profile=always), x=numbers())["constant"] is None


def test_a_rare_value_that_does_not_come_is_no_surprise(lake: Lake) -> None:
    """Of 500 rows the reference leads to expect 29 or 30 that are above 0.5."""
    for others, said in ((59, None), (60, True)):
        rare = profile_of({"x": (NumericBins(edges=(0.5,)), (1_000 - others, others, 0))})
        assert said_of(lake, Known(profile=rare), x=[0.0] * ROWS)["constant"] is said


def test_one_edge_says_nothing_of_the_outside(lake: Lake) -> None:
    one = profile_of({"x": (NumericBins(edges=(0.5,)), (60, 40, 0))})
    assert said_of(lake, Known(profile=one), x=numbers((100, 9.0)))["outside_excess"] is None


def test_a_category(lake: Lake) -> None:
    bins = LevelBins(groups=(("a",), ("b", "c")))
    known = Known(profile=profile_of({"x": (bins, (50, 30, 10, 10))}))
    levels = ["a"] * 200 + ["c"] * 100 + ["new"] * 100 + [None] * 100
    drop(lake, impressions(rows=ROWS, x=levels))
    found = facts(lake, known, features={"categorical": ["x"]}).features
    said = row(found, subject="x")
    assert said["unknown_levels"] == pytest.approx(100 / 400 - 10 / 90)
    assert said["missing_excess"] == pytest.approx(0.2 - 0.1)
    assert (said["constant"], said["outside_excess"], said["auc"]) == (False, None, None)


def test_only_what_the_profiles_version_served(lake: Lake) -> None:
    columns = {
        "source": ["model"] * 900 + ["fallback"] * 100,
        "model_version": ["2"] * 400 + ["1"] * 600,
        "x": [7.0] * 400 + [0.5] * 500 + [7.0] * 100,
    }
    drop(lake, impressions(rows=1_000, **columns))
    said = row(facts(lake, Known(profile=X), **FEATURES).features, subject="x")
    assert (said["rows"], said["constant"]) == (500, True)
    said = row(facts(lake, **FEATURES).features, subject="x")
    assert said["rows"] == 900


def test_thin_hours_are_judged_by_the_day(lake: Lake) -> None:
    for n in (0, 1):
        frame = impressions(HOUR + n * ONE_HOUR, rows=300, x=float(n))
        lake.land_hour("impressions", HOUR + n * ONE_HOUR, frame)
    found = facts(lake, Known(profile=X), **FEATURES).features
    assert found["scope"].to_list() == ["day"]
    assert (found["rows"].item(), found["constant"].item()) == (600, False)


@pytest.mark.parametrize(
    ("column", "error"), [("text", "ColumnTypeWrong"), (None, "ColumnMissing")]
)
def test_a_feature_of_another_kind(lake: Lake, column: str | None, error: str) -> None:
    frame = impressions(rows=ROWS, x=0.5)
    path = drop(lake, frame.with_columns(x=pl.lit(column)) if column else frame.drop("x"))
    found = facts(lake, **FEATURES)
    said = row(found.impressions)
    assert (said["readable"], said["contract"], said["outside_hour"]) == (True, False, 0)
    assert said["problem"].startswith(f"{error}: {path}")
    assert "'x'" in said["problem"]
    assert "expected a number" in said["problem"]
    assert found.features.height == 0


def test_numbers_of_other_types(lake: Lake) -> None:
    frame = impressions(rows=ROWS, x=[i % 3 for i in range(ROWS)])
    drop(lake, frame.with_columns(pl.col("x").cast(pl.Int16)))
    assert row(facts(lake, **FEATURES).features, subject="x")["missing_share"] == 0
    drop(lake, frame.with_columns(x=pl.lit(None)))
    assert row(facts(lake, **FEATURES).features, subject="x")["missing_share"] == 1


def test_a_feature_that_knows_the_label(lake: Lake) -> None:
    clicked = [at % 10 == 0 for at in range(ROWS)]
    values = [1.0 if hit else 0.0 for hit in clicked]
    assert said_of(lake, clicked=clicked, x=values)["auc"] == 1.0
    few = [at % 11 == 0 for at in range(ROWS)]  # 46 clicks
    assert said_of(lake, clicked=few, x=values)["auc"] is None


def test_the_area_counts_own_rows_with_a_label(lake: Lake) -> None:
    rng = np.random.default_rng(2)
    clicked = rng.random(1_000) < 0.3
    values = (rng.normal(0, 1, 1_000) + clicked).astype(np.float32)
    labels = [None if at < 50 else bool(hit) for at, hit in enumerate(clicked)]
    source = ["fallback" if at % 4 == 0 else "model" for at in range(1_000)]
    drop(lake, impressions(rows=1_000, clicked=labels, source=source, x=values.tolist()))
    own = np.array([at >= 50 and at % 4 != 0 for at in range(1_000)])
    said = row(facts(lake, **FEATURES).features, subject="x")
    assert said["auc"] == pytest.approx(auc(values[own], clicked[own]))


def test_the_area_of_a_bounded_sample(lake: Lake) -> None:
    rng = np.random.default_rng(3)
    rows = 60_000
    clicked = rng.random(rows) < 0.01
    values = (rng.normal(0, 1, rows) + 2 * clicked).astype(np.float32)
    frame = impressions(rows=rows, event_time=HOUR, clicked=clicked.tolist(), x=values.tolist())
    for hour in (HOUR, HOUR + ONE_HOUR):
        drop(lake, frame.with_columns(event_time=pl.lit(hour)), hour=hour)
    found = facts(lake, **FEATURES).features
    whole = auc(values, clicked)
    assert row(found, subject="x")["auc"] == pytest.approx(whole, abs=0.03)
    assert row(found, "day", "x")["auc"] == pytest.approx(whole, abs=0.05)
    taken = facts_sample.scattered(0, rows)
    share = facts_sample.OF_EACH_LABEL / rows
    assert (taken < facts_sample.SPAN * share).mean() == pytest.approx(share, rel=0.01)


# Skew


def again(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return features of pairs: 1 for every item, but for `i0`, which is not known."""
    return pairs.filter(pl.col("item_id") != "i0").with_columns(x=pl.lit(1.0))


def test_skew(lake: Lake) -> None:
    values = [1.0] * 500
    values[0] = 9.0  # of i0: cannot be recomputed
    values[1] = 1.0009
    values[2] = 1.002
    values[3], values[4], values[5] = NAN, INF, 0.0
    said = said_of(lake, Known(recompute=again), x=values, context_item_id="c")
    assert said["skew"] == pytest.approx(4 / 499)
    assert said_of(lake, x=values, context_item_id="c")["skew"] is None
    assert said_of(lake, Known(recompute=again), x=values)["skew"] is None  # no context


def test_what_is_recomputed(lake: Lake) -> None:
    asked: list[pl.DataFrame] = []

    def watch(pairs: pl.DataFrame) -> pl.DataFrame:
        asked.append(pairs)
        return pairs.with_columns(x=pl.lit(None, pl.Float32))

    for n in (0, 1):
        hour = HOUR + n * ONE_HOUR
        frame = impressions(hour, rows=600, x=[None, 0.5] * 300, context_item_id="c")
        lake.land_hour("impressions", hour, frame.with_columns(item_id=pl.lit("i")))
    found = facts(lake, Known(recompute=watch), **FEATURES).features
    assert [pairs.to_dict(as_series=False) for pairs in asked] == [
        {"context_item_id": ["c"], "item_id": ["i"]}
    ]
    assert found["skew"].to_list() == [0.5, 0.5, 0.5]
    assert found["scope"].to_list() == [KEY, hour_key(HOUR + ONE_HOUR), "day"]


# Rows


def test_the_sampled_rows(lake: Lake) -> None:
    for n, hour in enumerate((HOUR, HOUR + ONE_HOUR)):
        frame = impressions(hour, rows=9_000, event_time=hour, x=float(n), user_id="anna")
        lake.land_hour(
            "impressions", hour, frame.with_columns(clicked=pl.int_range(9_000) % 2 == 0)
        )
    rows = facts(lake, **FEATURES).rows
    assert 9_900 < rows.height <= 10_000
    assert rows["clicked"].mean() == pytest.approx(0.5, abs=0.01)
    assert set(rows["scope"]) == {KEY, hour_key(HOUR + ONE_HOUR)}
    assert rows.filter(pl.col("scope") == KEY)["x"].unique().to_list() == [0.0]
    (user,) = rows["user_id"].unique()
    assert (len(user), "anna" in user) == (16, False)
    assert rows.columns[:3] == ["scope", "subject", "event_time"]
    assert not [name for name in rows.columns if name.startswith("__") or name == "own"]


def test_all_rows_of_a_small_day(lake: Lake) -> None:
    lake.land_hour("impressions", DAY.start, impressions(DAY.start, rows=300, x=1.0))
    assert facts(lake, **FEATURES).rows.height == 300
