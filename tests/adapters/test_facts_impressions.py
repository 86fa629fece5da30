"""Each fault of single impressions is counted by its own fact, and by no other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from made_day import DAY, KEY, drop, facts, row
from made_impressions import HOUR, impressions, orders

from evergreen.adapters.facts import Known
from evergreen.adapters.lake import Lake
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import HOUR as ONE_HOUR
from evergreen.domain.windows import hour_key

NAN, INF = float("nan"), float("inf")
ROWS = 20  # four page views of five items
FAULTS = (
    "outside_hour",
    "null_ids",
    "duplicate_positions",
    "repeated_items",
    "position_gaps",
    "repeated_page_views",
    "clicked_unshown",
    "unknown_source",
)


def changed(column: str, values: dict[int, Any], rows: int = ROWS) -> pl.DataFrame:
    """Return good impressions in which these rows have other values."""
    frame = impressions(rows=rows)
    body = frame[column].to_list()
    for at, value in values.items():
        body[at] = value
    return frame.with_columns(pl.Series(column, body, dtype=frame.schema[column]))


def said_of(lake: Lake, frame: pl.DataFrame, known: Known | None = None) -> dict[str, Any]:
    drop(lake, frame)
    return row(facts(lake, known).impressions)


def test_good_rows(lake: Lake) -> None:
    said = said_of(lake, impressions(rows=ROWS))
    assert {fault: said[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert (said["unlabelled"], said["score_missing"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("event_time", {0: HOUR - timedelta(microseconds=1)}, {"outside_hour": 1}),
        ("event_time", {0: HOUR + ONE_HOUR, 1: None}, {"outside_hour": 2}),
        ("event_time", {0: HOUR + ONE_HOUR - timedelta(microseconds=1)}, {}),
        ("page_view_id", {0: None}, {"null_ids": 1, "position_gaps": 1}),
        ("item_id", {3: None}, {"null_ids": 1}),
        ("page_view_id", {0: ""}, {"null_ids": 1, "position_gaps": 1}),
        ("item_id", {3: ""}, {"null_ids": 1}),
        ("position", {4: 6}, {"position_gaps": 1}),
        ("position", {0: 0}, {"position_gaps": 1}),
        ("position", {0: None, 5: None}, {"position_gaps": 2}),
        ("position", {2: None}, {"position_gaps": 1}),  # as many as the last position says
        ("position", {1: 1}, {"position_gaps": 1, "duplicate_positions": 1}),
        # 1, 1, 4, 4 and 5: as many as the last position says, and the first one is 1
        ("position", {1: 1, 2: 4}, {"position_gaps": 1, "duplicate_positions": 2}),
        ("item_id", {1: "i0", 2: "i0"}, {"repeated_items": 2}),
        ("item_id", {5: "i0"}, {}),  # the same item in another page view
        ("clicked", {0: True}, {}),
        ("source", {0: "other", 1: None}, {"unknown_source": 2}),
        ("source", {0: "fallback"}, {}),
    ],
)
def test_one_fault(
    lake: Lake, column: str, values: dict[int, Any], expected: dict[str, int]
) -> None:
    said = said_of(lake, changed(column, values))
    assert {fault: said[fault] for fault in FAULTS if said[fault]} == expected


def test_clicked_without_being_shown(lake: Lake) -> None:
    frame = changed("position", {0: None, 1: 0, 2: None})
    clicked = [at in (0, 1, 7) for at in range(ROWS)]
    assert said_of(lake, frame.with_columns(clicked=pl.Series(clicked)))["clicked_unshown"] == 2


def test_a_file_that_is_there_twice(lake: Lake) -> None:
    drop(lake, impressions(rows=ROWS), part=0)
    said = row(facts(lake).impressions)
    assert said["duplicate_positions"] == 0
    drop(lake, impressions(rows=ROWS), part=1)
    said = row(facts(lake).impressions)
    assert (said["rows"], said["duplicate_positions"], said["repeated_items"]) == (40, 20, 20)
    assert said["position_gaps"] == 4


def test_a_page_view_over_two_files_is_one(lake: Lake) -> None:
    frame = impressions(rows=ROWS)
    drop(lake, frame[:7], part=0)
    drop(lake, frame[7:].with_columns(user_id=pl.lit("u")), part=1)
    said = row(facts(lake).impressions)
    assert {fault: said[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert (said["user_missing"], said["top_user_page_views"]) == (0.0, 3)


def test_page_views_that_an_earlier_hour_has(lake: Lake) -> None:
    hours = [DAY.start - 24 * ONE_HOUR, HOUR, HOUR + ONE_HOUR]
    for hour in hours:
        lake.land_hour("impressions", hour, impressions(hour, rows=ROWS))
    found = facts(lake).impressions
    assert row(found)["repeated_page_views"] == 4
    assert row(found, hour_key(hours[2]))["repeated_page_views"] == 4
    assert row(found, "day")["repeated_page_views"] == 8
    lake.land_hour("impressions", hours[0], None)
    assert row(facts(lake).impressions)["repeated_page_views"] == 0
    broken = drop(lake, impressions(hours[0]), hour=hours[0])
    broken.write_bytes(b"")  # another day's damage is not this one's
    assert row(facts(lake).impressions, "day")["repeated_page_views"] == 4


def test_ctr_needs_two_hundred_labels(lake: Lake) -> None:
    clicked = [at % 10 == 0 for at in range(200)]
    assert said_of(lake, impressions(rows=200, clicked=clicked))["ctr"] == 0.1
    clicked[0] = None  # type: ignore[call-overload]
    assert said_of(lake, impressions(rows=200, clicked=clicked))["ctr"] is None
    day = row(facts(lake).impressions, "day")
    assert (day["ctr"], day["unlabelled"]) == (None, 1 / 200)


def test_ctr_against_the_baseline(lake: Lake) -> None:
    clicked = [at % 10 == 0 for at in range(400)]
    drop(lake, impressions(rows=400, clicked=clicked))
    known = Known(profile=profile_with(rate=0.05))
    assert row(facts(lake, known).impressions)["ctr_ratio"] == pytest.approx(2.0)
    rare = Known(profile=profile_with(rate=0.0499))  # 19.96 clicks are expected
    assert row(facts(lake, rare).impressions)["ctr_ratio"] is None


def profile_with(*, rate: float) -> ReferenceProfile:
    """Return a profile that only knows the CTR."""
    from evergreen.domain.baseline import CtrBaseline

    ctr = CtrBaseline(
        rate=rate,
        shape=(1.0,) * 168,
        dispersion=1.0,
        rate_error=0.0,
        volume=(0.0,) * 168,
        impressions=1,
        hours=1,
    )
    return ReferenceProfile(model_version="1", ctr=ctr, alarm=None, columns={})


def test_unlabelled_waits_until_the_hour_is_mature(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=4, clicked=[None, None, None, True]))
    late = {"lake": {"attribution_window": "2h"}}
    assert row(facts(lake).impressions)["unlabelled"] == 0.75
    assert row(facts(lake, **late).impressions)["unlabelled"] is None
    for n in (1, 2):
        lake.land_hour("impressions", HOUR + n * ONE_HOUR, None)
    assert row(facts(lake, **late).impressions)["unlabelled"] == 0.75
    assert row(facts(lake, **late).impressions, "day")["unlabelled"] == 0.75


def test_propensities(lake: Lake) -> None:
    values = [0.5, 1.0, 0.25, None, 0.0, 2.0, NAN, -0.1, INF, 0.5]
    said = said_of(lake, impressions(rows=10, propensity=values))
    assert (said["propensity_outside"], said["propensity_missing"]) == (5, pytest.approx(0.1))
    # of 0.5, 1, 0.25, 2, 0.5: 1/p is 2, 1, 4, 0.5, 2; ten items were shown
    assert said["inverse_propensity"] == pytest.approx(9.5 / 5 / 10)


def test_no_propensities(lake: Lake) -> None:
    absent = ("propensity_outside", "propensity_missing", "inverse_propensity")
    for frame in (impressions(rows=5), impressions(rows=5, propensity=None)):
        said = said_of(lake, frame)
        assert [said[fact] for fact in absent] == [None] * 3


def test_versions(lake: Lake) -> None:
    frame = changed("model_version", {0: "2", 1: None})
    assert said_of(lake, frame)["unknown_versions"] is None
    assert said_of(lake, frame, Known(versions=frozenset({"1"})))["unknown_versions"] == 2
    assert said_of(lake, frame, Known(versions=frozenset({"1", "2"})))["unknown_versions"] == 1


def test_items_that_nobody_sells(lake: Lake) -> None:
    frame = impressions(rows=ROWS)  # i0 to i19
    assert said_of(lake, frame)["unseen_items"] is None
    known = Known(items=frozenset(f"i{i}" for i in range(10)))
    assert said_of(lake, frame, known)["unseen_items"] == 0.5
    lake.land_hour("orders", HOUR - timedelta(days=27), orders(HOUR - timedelta(days=27), rows=15))
    assert said_of(lake, frame, known)["unseen_items"] == 0.25
    lake.land_hour("orders", HOUR, orders(rows=18))
    assert said_of(lake, frame)["unseen_items"] == 0.1


def test_users(lake: Lake) -> None:
    assert said_of(lake, impressions(rows=ROWS))["user_missing"] is None
    users = ["a"] * 10 + ["b"] * 5 + [None] * 5
    said = said_of(lake, impressions(rows=ROWS, user_id=users))
    assert (said["user_missing"], said["top_user_page_views"]) == (0.25, 2)
    later = impressions(HOUR + ONE_HOUR, rows=5, user_id="b").with_columns(
        page_view_id=pl.lit("other")
    )
    lake.land_hour("impressions", HOUR + ONE_HOUR, later)
    more = impressions(HOUR + 2 * ONE_HOUR, rows=5, user_id="b").with_columns(
        page_view_id=pl.lit("third")
    )
    lake.land_hour("impressions", HOUR + 2 * ONE_HOUR, more)
    day = row(facts(lake).impressions, "day")
    assert (day["user_missing"], day["top_user_page_views"]) == (5 / 30, 3)
    nobody = said_of(lake, impressions(rows=ROWS, user_id=None))
    assert (nobody["user_missing"], nobody["top_user_page_views"]) == (1.0, None)


def test_scores(lake: Lake) -> None:
    scores = [None, NAN, INF, 0.5]
    source = ["model", "model", "model", "model"]
    assert said_of(lake, impressions(rows=4, score=scores, source=source))["score_missing"] == 0.75
    source[0] = "fallback"
    said = said_of(lake, impressions(rows=4, score=scores, source=source))
    assert (said["score_missing"], said["score_constant"]) == (2 / 3, None)


def test_a_constant_score(lake: Lake) -> None:
    score = [0.5] * 600
    source = ["model"] * 500 + ["fallback"] * 100
    score[500:] = [0.1] * 100
    said = said_of(lake, impressions(rows=600, score=score, source=source))
    assert said["score_constant"] is True
    score[0] = 0.4
    said = said_of(lake, impressions(rows=600, score=score, source=source))
    assert said["score_constant"] is False
    source[1] = "fallback"
    said = said_of(lake, impressions(rows=600, score=score, source=source))
    assert said["score_constant"] is None


def test_seconds_need_fifty_page_views(lake: Lake) -> None:
    def burst(rows: int) -> datetime | list[datetime]:
        return [HOUR + timedelta(seconds=i % 7, microseconds=i) for i in range(rows)]

    assert said_of(lake, impressions(rows=250, event_time=burst(250)))["seconds"] == 7
    assert said_of(lake, impressions(rows=245, event_time=burst(245)))["seconds"] is None


def test_types_that_can_be_read_as_the_contracts(lake: Lake) -> None:
    frame = impressions(rows=ROWS).with_columns(
        pl.col("position").cast(pl.Int64),
        pl.col("score").cast(pl.Float64),
        pl.col("event_time").dt.cast_time_unit("ns"),
        pl.col("source", "item_id").cast(pl.Categorical),
        pl.lit(None).alias("user_id"),
    )
    said = said_of(lake, frame)
    assert {fault: said[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert (said["contract"], said["user_missing"]) == (True, 1.0)
    huge = frame.with_columns(position=pl.lit(2**40))
    assert said_of(lake, huge)["position_gaps"] == 4


def test_pieces_add_up(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from evergreen.adapters import facts_files, facts_read

    rng = np.random.default_rng(5)
    frame = impressions(
        rows=500,
        position=rng.integers(1, 5, 500).tolist(),
        user_id=[f"u{u}" for u in rng.integers(0, 9, 500)],
        clicked=(rng.random(500) < 0.2).tolist(),
        a=rng.random(500).tolist(),
        b=rng.random(500).tolist(),
    )
    drop(lake, frame)
    features = {"features": {"numeric": ["a", "b"]}}
    whole = facts(lake, **features)
    monkeypatch.setattr(facts_files, "PIECE_ROWS", 37)
    monkeypatch.setattr(facts_read, "FEATURES_TOGETHER", 1)
    pieces = facts(lake, **features)
    assert whole.impressions.equals(pieces.impressions)
    assert whole.features.equals(pieces.features)
    assert whole.rows.equals(pieces.rows)
    assert row(whole.impressions, KEY)["position_gaps"] == 100


def test_no_other_positions_look_like_one_to_n(lake: Lake) -> None:
    from itertools import combinations_with_replacement

    views = [at for n in (1, 2, 3, 4, 5) for at in combinations_with_replacement(range(-1, 9), n)]
    frame = impressions(
        rows=sum(map(len, views)),
        event_time=HOUR,
        page_view_id=[f"v{i}" for i, view in enumerate(views) for _ in view],
        position=[position for view in views for position in view],
    )
    assert said_of(lake, frame)["position_gaps"] == len(views) - 5
