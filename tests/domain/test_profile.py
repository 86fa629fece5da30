"""Bins of equal share, counts that agree with numpy, and profiles through JSON."""

from __future__ import annotations

import json
from math import inf, nan

import numpy as np
import pytest

from evergreen.domain.errors import ProfileInvalid
from evergreen.domain.profile import NumericBins, ReferenceProfile, count_bins, without_model


def profile(version: str = "3") -> ReferenceProfile:
    bins = NumericBins.of(np.arange(100))
    return ReferenceProfile(
        model_version=version, ctr=0.1, fallback_share=0.02, impressions=500, columns={"f": bins}
    )


def test_bins_hold_equal_shares() -> None:
    bins = NumericBins.of(np.arange(1, 101))
    assert bins.edges == pytest.approx([10.9, 20.8, 30.7, 40.6, 50.5, 60.4, 70.3, 80.2, 90.1])
    assert bins.shares == pytest.approx([0.1] * 10 + [0.0])


def test_missing_values_have_a_bin() -> None:
    bins = NumericBins.of([1.0, 2.0, nan, nan], bins=2)
    assert bins.edges == (1.5,)
    assert bins.shares == (0.25, 0.25, 0.5)


def test_repeated_values_make_fewer_bins() -> None:
    assert NumericBins.of([7.0] * 50) == NumericBins(edges=(7.0,), shares=(1.0, 0.0, 0.0))


def test_nothing_or_only_missing() -> None:
    assert NumericBins.of([]) == NumericBins(edges=(), shares=(0.0, 0.0))
    assert NumericBins.of([nan, nan]) == NumericBins(edges=(), shares=(0.0, 1.0))


def test_an_edge_belongs_to_the_bin_below() -> None:
    values = [-inf, 0.0, 1.0, 1.5, 2.0, 2.0001, inf, nan]
    assert count_bins(values, [1.0, 2.0]).tolist() == [3, 2, 2, 1]
    assert count_bins([], [1.0, 2.0]).tolist() == [0, 0, 0, 0]
    assert count_bins([1.0, nan], []).tolist() == [1, 1]


def test_counts_are_taken_in_float32() -> None:
    edge = float(np.float32(0.1))  # 0.10000000149
    assert count_bins([0.1], [edge]).tolist() == [1, 0, 0]


def test_through_json_and_back() -> None:
    body = json.loads(json.dumps(profile().to_json()))
    assert "model_version" not in body
    assert ReferenceProfile.from_json(body, model_version="3") == profile()


def test_the_digest_names_the_version_and_the_bins() -> None:
    assert profile().digest == profile().digest
    assert len(profile().digest) == 16
    assert profile("4").digest != profile().digest
    assert without_model("3").digest != profile().digest


def test_another_schema_is_refused() -> None:
    with pytest.raises(ProfileInvalid, match="has schema 2, this version reads 1; retrain"):
        ReferenceProfile.from_json({**profile().to_json(), "schema": 2}, model_version="3")
    with pytest.raises(ProfileInvalid, match="has schema None"):
        ReferenceProfile.from_json({}, model_version="3")


@pytest.mark.parametrize(
    "body",
    [
        {"schema": 1},
        {"schema": 1, "columns": {"f": {}}},
        {"schema": 1, "columns": None},
        {**profile().to_json(), "unheard_of": 1},
    ],
)
def test_what_is_no_profile(body: dict[str, object]) -> None:
    with pytest.raises(ProfileInvalid, match=r"not a reference profile: .*retrain the model"):
        ReferenceProfile.from_json(body, model_version="3")


def test_a_version_that_nothing_is_known_of() -> None:
    unknown = without_model("9")
    assert (unknown.ctr, unknown.columns, unknown.model_version) == (None, {}, "9")
