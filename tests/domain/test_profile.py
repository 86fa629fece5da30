"""Profiles from hours, through JSON, and those that are refused."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from made_users import MONDAY, hours_from

from evergreen.domain import alarm_level
from evergreen.domain.baseline import fit_baseline
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.errors import ProfileInvalid
from evergreen.domain.profile import ReferenceProfile, make_profile, without_model
from evergreen.domain.sketch import HourSketch
from evergreen.domain.surprise import Spread, fit_spread

BINS: dict[str, Bins] = {
    "price": NumericBins(edges=(1.0,)),
    "country": LevelBins(groups=(("uk",), ("fr", "de"))),
}
PRICE = np.random.default_rng(1).multinomial(100, [0.5, 0.4, 0.1], size=96)


def sketches(price: np.ndarray = PRICE) -> dict[datetime, HourSketch]:
    """Return four days: 100 labelled rows an hour with 10 clicks; no hour counted `country`."""
    return {
        hour: HourSketch(
            impressions=100,
            labelled=100,
            clicks=10,
            view_squares=(200, 20, 20),
            bins={"price": tuple(counts)},
        )
        for hour, counts in zip(hours_from(MONDAY, len(price)), price.tolist(), strict=True)
    }


@pytest.fixture(scope="module")
def profile() -> ReferenceProfile:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alarm_level, "PATHS", 50)
        patch.setattr(alarm_level, "HORIZON_HOURS", 168)
        return make_profile(
            sketches(), BINS, importance={"price": 0.7}, model_version="3", reference="four days"
        )


def test_columns_are_summed_and_their_spread_is_of_hours_and_days(
    profile: ReferenceProfile,
) -> None:
    price = profile.columns["price"]
    assert price.counts == tuple(PRICE.sum(axis=0))
    assert price.hour == fit_spread(PRICE)
    assert price.day == fit_spread(PRICE.reshape(4, 24, 3).sum(axis=1))
    assert (price.hour.blocks, price.day.blocks) == (96, 4)
    assert profile.bins == BINS


def test_importance_is_zero_where_none_is_given(profile: ReferenceProfile) -> None:
    assert [profile.columns[name].importance for name in BINS] == [0.7, 0.0]


def test_a_column_that_no_hour_could_count(profile: ReferenceProfile) -> None:
    country = profile.columns["country"]
    assert country.counts == (0, 0, 0, 0)
    assert country.day.blocks == country.hour.blocks == 0


def test_the_ctr_is_that_of_labelled_rows(profile: ReferenceProfile) -> None:
    squares = (96 * 200, 96 * 20, 96 * 20)
    assert profile.ctr == fit_baseline(
        list(sketches()), [10] * 96, [100] * 96, view_squares=squares
    )
    assert profile.ctr is not None
    assert profile.ctr.rate == pytest.approx(0.1)
    assert profile.ctr.dispersion == pytest.approx(2.0)  # page views, by hand in test_baseline
    assert profile.alarm is not None
    assert profile.alarm.false_alarms_per_year == 0.75


def test_hours_in_any_order(profile: ReferenceProfile) -> None:
    backwards = dict(reversed(sketches().items()))
    made = make_profile(backwards, BINS, importance={}, model_version="3")
    assert made.ctr == profile.ctr
    assert made.columns["price"].day == profile.columns["price"].day


@pytest.mark.parametrize(
    "hours", [{}, {MONDAY: HourSketch()}, {MONDAY: HourSketch(labelled=50, impressions=50)}]
)
def test_a_reference_without_clicks_has_no_baseline(hours: dict[datetime, HourSketch]) -> None:
    made = make_profile(hours, BINS, importance={})
    assert (made.ctr, made.alarm) == (None, None)
    assert set(made.columns) == set(BINS)
    assert ReferenceProfile.from_json(made.to_json(), model_version="") == made


def test_through_json_and_back(profile: ReferenceProfile) -> None:
    body = json.loads(json.dumps(profile.to_json()))
    assert "model_version" not in body
    assert ReferenceProfile.from_json(body, model_version="3") == profile


def test_the_digest_names_the_version_and_what_is_expected(profile: ReferenceProfile) -> None:
    body = profile.to_json()
    again = ReferenceProfile.from_json(json.loads(json.dumps(body)), model_version="3")
    assert again.digest == profile.digest
    assert len(profile.digest) == 16
    others = [
        ReferenceProfile.from_json(body, model_version="4"),
        ReferenceProfile.from_json({**body, "alarm": None}, model_version="3"),
        without_model("3"),
    ]
    assert len({profile.digest, *(other.digest for other in others)}) == 4


@pytest.mark.parametrize("schema", [1, 3, "2", None])
def test_another_schema_is_refused(profile: ReferenceProfile, schema: object) -> None:
    expected = rf"has schema {schema!r}, this version reads 2; retrain the model"
    with pytest.raises(ProfileInvalid, match=expected):
        ReferenceProfile.from_json({**profile.to_json(), "schema": schema}, model_version="3")


def column(**changed: Any) -> dict[str, Any]:
    spread = {"scale": 1.0, "freedom": 1.0, "blocks": 9, "design_effect": 1.0}
    body = {"bins": {"edges": [1.0]}, "counts": [1, 2, 3], "importance": 0.5}
    return {"f": {**body, "day": spread, "hour": spread, **changed}}


def whole(**changed: Any) -> dict[str, Any]:
    return {
        "schema": 2, "reference": "", "ctr": None, "alarm": None, "columns": column(), **changed
    }  # fmt: skip


def test_what_the_next_test_breaks_is_whole() -> None:
    made = ReferenceProfile.from_json(whole(), model_version="3")
    spread = Spread(scale=1.0, freedom=1.0, blocks=9, design_effect=1.0)
    assert made.columns["f"].day == spread


@pytest.mark.parametrize(
    "body",
    [
        {"schema": 2},
        whole(columns=None),
        whole(columns={"f": {}}),
        whole(columns=[1]),
        whole(columns=column(counts=[1, 2])),
        whole(columns=column(counts=[1, 2, "many"])),
        whole(columns=column(day={"scale": 1.0})),
        whole(ctr={"rate": 0.1}),
        whole(alarm={"level": 9.0}),
        whole(alarm=[9.0]),
    ],
)
def test_what_is_no_profile(body: dict[str, Any]) -> None:
    with pytest.raises(ProfileInvalid, match=r"not a reference profile: .*retrain the model"):
        ReferenceProfile.from_json(body, model_version="3")


@pytest.mark.parametrize("edges", [[None], [2.0, 1.0]])
def test_edges_that_are_none_are_named(edges: list[float | None]) -> None:
    broken = whole(columns=column(bins={"edges": edges}))
    with pytest.raises(ProfileInvalid, match="bin edges must increase and be finite"):
        ReferenceProfile.from_json(broken, model_version="3")


def test_a_version_that_nothing_is_known_of() -> None:
    unknown = without_model("9")
    assert (unknown.ctr, unknown.alarm, unknown.columns, unknown.bins) == (None, None, {}, {})
    assert unknown.model_version == "9"
