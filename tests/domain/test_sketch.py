"""Sketches add up."""

from __future__ import annotations

import json

import pytest

from evergreen.domain.sketch import HourSketch, merge

ONE = HourSketch(
    impressions=10,
    labelled=8,
    clicks=2,
    page_views=3,
    fallback=1,
    other_versions=4,
    labelled_at=(5, 3, 0),
    clicks_at=(2, 0, 0),
    view_squares=(22, 6, 2),
    bins={"score": (5, 4, 0), "price": (9, 0)},
)
TWO = HourSketch(
    impressions=1,
    labelled=1,
    page_views=1,
    labelled_at=(0, 0, 1),
    clicks_at=(0, 0, 0),
    view_squares=(1, 0, 0),
    bins={"score": (0, 0, 1)},
    problems={"price": "no such column"},
)


def test_the_sum() -> None:
    assert merge([ONE, TWO]) == HourSketch(
        impressions=11,
        labelled=9,
        clicks=2,
        page_views=4,
        fallback=1,
        other_versions=4,
        labelled_at=(5, 3, 1),
        clicks_at=(2, 0, 0),
        view_squares=(23, 6, 2),
        bins={"score": (5, 4, 1), "price": (9, 0)},
        problems={"price": "no such column"},
    )


def test_order_and_grouping_do_not_matter() -> None:
    assert merge([TWO, ONE]) == merge([ONE, TWO]) == merge([merge([ONE]), merge([TWO])])


def test_nothing_adds_up_to_nothing() -> None:
    assert merge([]) == HourSketch()
    assert merge([ONE, HourSketch()]) == ONE
    assert merge(iter([HourSketch(), HourSketch()])) == HourSketch()


def test_merging_changes_no_sketch() -> None:
    before = ONE.to_json()
    merge([ONE, TWO])
    assert ONE.to_json() == before


@pytest.mark.parametrize(
    "other", [HourSketch(bins={"score": (1, 1)}), HourSketch(labelled_at=(1, 1))]
)
def test_other_bins_cannot_be_added(other: HourSketch) -> None:
    with pytest.raises(ValueError):
        merge([ONE, other])


def test_the_spread_of_page_views_from_their_squares() -> None:
    views = [(2, 1), (3, 0), (5, 2)]  # labelled rows and clicks of each
    squares = (4 + 9 + 25, 2 + 0 + 10, 1 + 0 + 4)
    sketches = [HourSketch(view_squares=(n * n, n * c, c * c)) for n, c in views]
    n2, nc, c2 = merge(sketches).view_squares
    assert (n2, nc, c2) == squares
    for p in (0.0, 0.1, 0.3, 1.0):
        slow = sum((c - p * n) ** 2 for n, c in views)
        assert c2 - 2 * p * nc + p * p * n2 == pytest.approx(slow)


def test_through_json_and_back() -> None:
    for sketch in (ONE, TWO, HourSketch()):
        assert HourSketch.from_json(json.loads(json.dumps(sketch.to_json()))) == sketch
    assert HourSketch.from_json({}) == HourSketch()
