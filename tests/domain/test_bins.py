"""Bins of equal share, counts that agree with a slow loop, and what is refused."""

from __future__ import annotations

import json
from math import inf, isnan, nan

import numpy as np
import pytest

from evergreen.domain.bins import (
    Bins,
    LevelBins,
    NumericBins,
    bins_from_json,
    level_bins,
    numeric_bins,
)
from evergreen.domain.errors import ProfileInvalid


def test_bins_hold_equal_shares() -> None:
    bins = numeric_bins(np.arange(1, 101))
    assert bins.edges == pytest.approx([10.9, 20.8, 30.7, 40.6, 50.5, 60.4, 70.3, 80.2, 90.1])
    assert bins.count(np.arange(1, 101)).tolist() == [10] * 10 + [0]
    assert bins.size == 11


def test_missing_values_make_no_edge_and_have_a_bin() -> None:
    bins = numeric_bins([1.0, 2.0, nan, nan, inf, -inf], bins=2)
    assert bins.edges == (1.5,)
    assert bins.count([1.0, 2.0, nan, nan, inf, -inf]).tolist() == [2, 2, 2]


def test_repeated_values_make_fewer_bins() -> None:
    bins = numeric_bins([7.0] * 50)
    assert bins == NumericBins(edges=(7.0,))
    assert bins.count([6.0, 7.0, 8.0]).tolist() == [2, 1, 0]
    assert numeric_bins([0.0] * 75 + [1.0] * 25).edges == (0.0, 1.0)


@pytest.mark.parametrize("values", [[], [nan, nan], [inf, -inf]])
def test_nothing_to_cut(values: list[float]) -> None:
    bins = numeric_bins(values)
    assert (bins.edges, bins.size, bins.labels) == ((), 2, ("any value", "missing"))
    assert bins.count([-inf, 3.0, nan]).tolist() == [2, 1]


def test_an_edge_belongs_to_the_bin_below() -> None:
    bins = NumericBins(edges=(1.0, 2.0))
    values = [-inf, 0.0, 1.0, 1.5, 2.0, 2.0001, inf, nan]
    assert bins.count(values).tolist() == [3, 2, 2, 1]
    assert bins.count([]).tolist() == [0, 0, 0, 0]


def test_counts_are_taken_in_float32() -> None:
    edge = float(np.float32(0.1))  # 0.10000000149
    assert NumericBins(edges=(edge,)).count([0.1]).tolist() == [1, 0, 0]


def test_counts_agree_with_a_slow_loop() -> None:
    values = np.random.default_rng(3).normal(size=500).astype(np.float32)
    values[::17] = nan
    bins = numeric_bins(values)
    slow = [0] * bins.size
    for value in values.tolist():
        at = sum(edge < value for edge in bins.edges)
        slow[-1 if isnan(value) else at] += 1
    assert bins.count(values).tolist() == slow


@pytest.mark.parametrize(
    "edges", [(nan,), (1.0, nan, 2.0), (2.0, 1.0), (1.0, 1.0), (inf,), (-inf, 0.0)]
)
def test_edges_that_put_no_row_anywhere(edges: tuple[float, ...]) -> None:
    with pytest.raises(ProfileInvalid, match="bin edges must increase and be finite, found"):
        NumericBins(edges=edges)


def test_a_refusal_is_short() -> None:
    with pytest.raises(ProfileInvalid) as refused:
        NumericBins(edges=(0.0,) * 10_000)
    assert len(str(refused.value)) < 200


def test_the_names_of_bins() -> None:
    assert NumericBins(edges=(0.5, 1234.5678)).labels == (
        "up to 0.5",
        "0.5 to 1235",
        "above 1235",
        "missing",
    )
    groups = LevelBins(groups=(("uk",), ("fr", "de", "es")))
    assert groups.labels == ("uk", "fr and 2 more", "other", "missing")


def test_big_levels_stand_alone_and_small_ones_share() -> None:
    # a quarter is 25: a and b hold it alone, c and d together
    assert level_bins({"d": 9, "c": 11, "b": 30, "a": 50}, bins=4).groups == (
        ("a",),
        ("b",),
        ("c", "d"),
    )


def test_equal_levels_are_taken_by_name() -> None:
    assert level_bins({"b": 5, "c": 5, "a": 5}, bins=3).groups == (("a",), ("b",), ("c",))


def test_few_levels() -> None:
    assert level_bins({}).groups == ()
    assert level_bins({}).count(["new", None]).tolist() == [1, 1]
    assert level_bins({"only": 3}).groups == (("only",),)


def test_levels_beyond_the_thousandth_are_other() -> None:
    counts = {f"level{i:04}": 2_000 - i for i in range(1_200)}
    bins = level_bins(counts)
    assert len(bins.bin_of) == 1_000
    assert bins.count(["level0999", "level1000"]).tolist()[-2:] == [1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_every_level_has_one_group_of_about_equal_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = {f"l{i}": int(n) for i, n in enumerate(rng.zipf(1.5, size=300).clip(1, 10_000))}
    bins = level_bins(counts, bins=20)
    named = [level for group in bins.groups for level in group]
    assert sorted(named) == sorted(counts)
    assert len(bins.groups) <= 20
    part = sum(counts.values()) / 20
    for group in bins.groups[:-1]:
        held = [counts[level] for level in group]
        assert sum(held) >= part
        assert sum(held) - held[-1] < part  # it was full only with its last level


def test_new_levels_and_missing_ones() -> None:
    bins = LevelBins(groups=(("a",), ("b", "c")))
    assert bins.count(["a", "b", "c", "d", "", None, None]).tolist() == [1, 2, 2, 2]
    assert bins.count([]).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "bins", [NumericBins(edges=(0.5, 1.5)), NumericBins(edges=()), LevelBins(groups=(("a", "b"),))]
)
def test_through_json_and_back(bins: Bins) -> None:
    assert bins_from_json(json.loads(json.dumps(bins.to_json()))) == bins


def test_what_are_no_bins() -> None:
    with pytest.raises(ProfileInvalid, match=r"have edges or groups, found \['cuts'\]"):
        bins_from_json({"cuts": [1.0]})
    with pytest.raises(ProfileInvalid, match="bin edges must increase and be finite"):
        bins_from_json({"edges": [1.0, None]})  # JSON has no NaN
