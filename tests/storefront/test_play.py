"""Hand-made baskets, played: every impression and click is worked out by hand."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from evergreen.adapters.lake import Lake
from evergreen.adapters.published import Published
from evergreen.domain.errors import LakeUnreachable, WindowInvalid
from evergreen.domain.windows import Window
from evergreen.storefront.play import log_window, play

MONDAY = datetime(2011, 5, 2, tzinfo=UTC)
DAY, HOUR, WEEK = timedelta(days=1), timedelta(hours=1), timedelta(weeks=1)


def order(at, order_id, *items):
    return [
        (at, order_id, f"u{order_id}", item, 1, 2.5, "EIRE", line)
        for line, item in enumerate(items)
    ]


def orders_of(*orders):
    schema = {
        "order_time": pl.Datetime("us", "UTC"),
        "order_id": pl.String,
        "user_id": pl.String,
        "item_id": pl.String,
        "quantity": pl.Int32,
        "unit_price": pl.Float64,
        "country": pl.String,
        "line": pl.Int32,
    }
    rows = [row for lines in orders for row in lines]
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def nothing_published(tmp_path):
    return Published(str(tmp_path / "published"))


@pytest.fixture
def published(nothing_published):
    """Version 3: a -> b c d, b -> a; popular: p q a b x. Feature `lift` = 10 x score."""
    lists = {"a": "bcd", "b": "a"}
    rows = [
        (context, item, rank, score := 1 / (rank + 1), 10 * score)
        for context, items in lists.items()
        for rank, item in enumerate(items, start=1)
    ]
    names = ("context_item_id", "item_id", "rank", "score", "lift")
    types = (pl.String, pl.String, pl.Int16, pl.Float32, pl.Float32)
    recommendations = pl.DataFrame(rows, dict(zip(names, types, strict=True)), orient="row")
    popular = pl.DataFrame(
        [(item, rank, 0.1 * rank) for rank, item in enumerate("pqabx", start=1)],
        {"item_id": pl.String, "rank": pl.Int16, "score": pl.Float32},
        orient="row",
    )
    nothing_published.write(3, recommendations.reverse(), popular.reverse(), as_of=MONDAY)
    nothing_published.flip(3, 1)
    return nothing_published


BASKET = orders_of(order(MONDAY + 9 * HOUR, "1", "a", "c", "x", "q"))
WHOLE_DAY = Window(MONDAY, MONDAY + DAY)


def shown(lake, window=WHOLE_DAY):
    frame = lake.read("impressions", window).sort("page_view_id", "position")
    return {
        view: [(r["item_id"], r["source"], r["clicked"]) for r in rows.iter_rows(named=True)]
        for (view,), rows in frame.group_by("page_view_id", maintain_order=True)
    }


def test_every_impression_of_one_basket(lake, published):
    report = play(BASKET, WHOLE_DAY, lake=lake, published=published)
    model, fallback = "model", "fallback"
    assert shown(lake) == {
        # b c d from the model; then popular without what the list holds: p q (a is in the basket)
        "1-0": [
            ("b", model, False),
            ("c", model, True),
            ("d", model, False),
            ("p", fallback, False),
            ("q", fallback, True),
        ],
        # c is unknown to the model: all popular, a is in the basket
        "1-1": [
            ("p", fallback, False),
            ("q", fallback, True),
            ("b", fallback, False),
            ("x", fallback, True),
        ],
        "1-2": [("p", fallback, False), ("q", fallback, True), ("b", fallback, False)],
        "1-3": [("p", fallback, False), ("b", fallback, False)],
    }
    assert asdict(report) == {
        "hours": 24,
        "hours_skipped": 0,
        "page_views": 4,
        "impressions": 14,
        "clicks": 5,
        "fallback_impressions": 11,
    }
    assert report.ctr == 5 / 14
    assert report.fallback_share == 11 / 14


def test_columns_of_an_impression(lake, published):
    play(BASKET, WHOLE_DAY, lake=lake, published=published, features=("lift", "trend"))
    frame = lake.read("impressions", WHOLE_DAY)
    assert frame.columns == [
        *("event_time", "page_view_id", "user_id", "context_item_id", "item_id", "position"),
        *("score", "propensity", "model_version", "clicked", "source", "lift", "trend"),
    ]
    first, fourth = frame.row(0, named=True), frame.row(3, named=True)
    assert first == {
        "event_time": MONDAY + 9 * HOUR,
        "page_view_id": "1-0",
        "user_id": "u1",
        "context_item_id": "a",
        "item_id": "b",
        "position": 1,
        "score": 0.5,
        "propensity": None,
        "model_version": "3",
        "clicked": False,
        "source": "model",
        "lift": 5.0,
        "trend": None,
    }
    assert fourth["position"] == 4
    assert fourth["score"] == pytest.approx(0.1)
    assert fourth["lift"] is None
    assert frame.schema["lift"] == frame.schema["trend"] == pl.Float32


def test_orders_land_as_they_are_and_silent_hours_are_closed_empty(lake, published):
    play(BASKET, WHOLE_DAY, lake=lake, published=published)
    assert lake.read("orders", WHOLE_DAY).equals(BASKET)
    for table in ("orders", "impressions"):
        assert lake.closed_hours(table) == list(WHOLE_DAY.hours())
        assert lake.closing(table, MONDAY + 8 * HOUR).rows == 0
    assert lake.closing("orders", MONDAY + 9 * HOUR).rows == 4
    assert lake.closing("impressions", MONDAY + 9 * HOUR).rows == 14


def test_before_the_first_release_the_days_before_are_popular(lake, nothing_published):
    log = orders_of(
        order(MONDAY + 9 * HOUR, "1", "a", "b"),
        order(MONDAY + 10 * HOUR, "2", "b", "c"),
        order(MONDAY + DAY + 9 * HOUR, "3", "z", "a"),
        order(MONDAY + 29 * DAY + 9 * HOUR, "4", "z", "b"),
    )
    window = Window(MONDAY, MONDAY + 30 * DAY)
    report = play(log, window, lake=lake, published=nothing_published)
    # day 1: nothing sold before. Day 2: b in 2 of 2 orders, a and c in 1. Day 30: 28 days back
    # lies day 2 with its one order
    fallback = "fallback"
    assert shown(lake, window) == {
        "3-0": [("b", fallback, False), ("a", fallback, True), ("c", fallback, False)],
        "3-1": [("b", fallback, False), ("c", fallback, False)],
        "4-0": [("a", fallback, False)],
        "4-1": [("a", fallback, False)],
    }
    frame = lake.read("impressions", window)
    assert frame["score"].to_list() == [1.0, 0.5, 0.5, 1.0, 0.5, 1.0, 1.0]
    assert set(frame["model_version"]) == {"none"}
    assert (report.page_views, report.impressions, report.clicks) == (8, 7, 1)


def test_a_second_play_changes_nothing(lake, published):
    play(BASKET, WHOLE_DAY, lake=lake, published=published)
    report = play(BASKET, WHOLE_DAY, lake=lake, published=published)
    assert (report.hours, report.hours_skipped, report.ctr) == (0, 24, None)
    assert lake.closing("impressions", MONDAY + 9 * HOUR).generation == 1
    play(BASKET, WHOLE_DAY, lake=lake, published=published, again=True)
    assert lake.closing("impressions", MONDAY + 9 * HOUR).generation == 2


def test_a_play_that_broke_off_goes_on_where_it_stopped(lake, published, monkeypatch):
    land, landed = Lake.land_hour, []

    def full_after_21(self, table, hour, frame):
        if len(landed) == 21:  # the orders of hour 10 are there, its impressions are not
            raise LakeUnreachable("the disk is full")
        landed.append((table, hour))
        return land(self, table, hour, frame)

    monkeypatch.setattr(Lake, "land_hour", full_after_21)
    with pytest.raises(LakeUnreachable):
        play(BASKET, WHOLE_DAY, lake=lake, published=published)
    assert landed[:3] == [("orders", MONDAY), ("impressions", MONDAY), ("orders", MONDAY + HOUR)]
    monkeypatch.setattr(Lake, "land_hour", land)
    report = play(BASKET, WHOLE_DAY, lake=lake, published=published)
    assert (report.hours, report.hours_skipped) == (14, 10)
    assert lake.closing("orders", MONDAY + 10 * HOUR).generation == 1
    assert lake.closed_hours("impressions") == list(WHOLE_DAY.hours())
    assert len(shown(lake)) == 4


def test_chunks_make_no_difference(lake, tmp_path, published):
    log = orders_of(*(order(MONDAY + d * DAY + 9 * HOUR, str(d), "a", "b", "c") for d in range(3)))
    window = Window(MONDAY, MONDAY + 3 * DAY)
    play(log, window, lake=lake, published=published)
    other = Lake(str(tmp_path / "other"))
    for start in (0, 25, 50):
        part = Window(MONDAY + start * HOUR, min(MONDAY + (start + 25) * HOUR, window.end))
        play(log, part, lake=other, published=published)
    assert lake.read("impressions", window).equals(other.read("impressions", window))


def test_shift_moves_the_log_by_whole_weeks(lake, published):
    there = Window(MONDAY + 2 * WEEK, MONDAY + 2 * WEEK + DAY)
    report = play(BASKET, there, lake=lake, published=published, shift=2 * WEEK)
    assert report.page_views == 4
    frame = lake.read("impressions", there)
    assert set(frame["event_time"]) == {MONDAY + 2 * WEEK + 9 * HOUR}
    assert lake.read("orders", there)["order_time"][0] == MONDAY + 2 * WEEK + 9 * HOUR
    with pytest.raises(WindowInvalid, match="shift 1 day, 0:00:00 is not whole weeks"):
        play(BASKET, there, lake=lake, published=published, shift=DAY)


def test_a_window_outside_the_log_would_close_hours_nobody_knows(lake, published):
    with pytest.raises(
        WindowInvalid,
        match=r"\[2011-05-02T00, 2011-05-04T00\) is not within the sales log, which covers "
        r"\[2011-05-02T00, 2011-05-03T00\)",
    ):
        play(BASKET, Window(MONDAY, MONDAY + 2 * DAY), lake=lake, published=published)
    assert lake.closed_hours("impressions") == []


def test_progress_ends_at_the_last_hour(lake, published):
    calls = []
    play(BASKET, WHOLE_DAY, lake=lake, published=published, progress=lambda *c: calls.append(c))
    assert calls == [(24, 24)]


def test_the_windows_of_a_log():
    assert log_window(BASKET) == WHOLE_DAY
    with pytest.raises(WindowInvalid, match="holds no orders"):
        log_window(BASKET.clear())


def test_an_empty_window_plays_nothing(lake, published):
    report = play(BASKET, Window(MONDAY, MONDAY), lake=lake, published=published)
    assert (report.hours, report.ctr, report.fallback_share) == (0, None, None)
