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
    bins={"score": (5, 4, 0), "price": (9, 0)},
)
TWO = HourSketch(impressions=1, labelled=1, page_views=1, bins={"score": (0, 0, 1)})


def test_the_sum() -> None:
    assert merge([ONE, TWO]) == HourSketch(
        impressions=11,
        labelled=9,
        clicks=2,
        page_views=4,
        fallback=1,
        other_versions=4,
        bins={"score": (5, 4, 1), "price": (9, 0)},
    )


def test_order_and_grouping_do_not_matter() -> None:
    assert merge([TWO, ONE]) == merge([ONE, TWO]) == merge([merge([ONE]), merge([TWO])])


def test_nothing_adds_up_to_nothing() -> None:
    assert merge([]) == HourSketch()
    assert merge([ONE, HourSketch()]) == ONE


def test_other_bins_cannot_be_added() -> None:
    with pytest.raises(ValueError):
        merge([ONE, HourSketch(bins={"score": (1, 1)})])


def test_through_json_and_back() -> None:
    assert HourSketch.from_json(json.loads(json.dumps(ONE.to_json()))) == ONE
    assert HourSketch.from_json({}) == HourSketch()
