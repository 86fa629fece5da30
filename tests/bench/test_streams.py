"""The simulated streams have the moments that the benchmark's figures rest on."""

from __future__ import annotations

import doctest

import lorden
import numpy as np
import pytest
import stream_features
from lorden import lorden_hours
from scipy.special import ndtri
from stream_features import IMPORTANT, UNIMPORTANT, feature_laws, population_stability
from stream_rows import rows
from streams import CLICKS_OF_VIEWS, USER, Change, Traffic, World, user_law

WEEK = 168


@pytest.mark.parametrize("phi", [1.0, 3.0])
def test_a_users_clicks_have_phi_times_the_binomial_variance(phi: float) -> None:
    p, clicks = 0.04, CLICKS_OF_VIEWS.sum(axis=0)
    law = user_law(np.array([p]), phi)[0]
    mean = law @ clicks
    assert law.sum() == pytest.approx(1)
    assert mean == pytest.approx(USER * p)
    assert law @ clicks**2 - mean**2 == pytest.approx(phi * USER * p * (1 - p))


def test_a_page_view_shows_only_part_of_the_dispersion() -> None:
    """1 + 4 of the user's correlation 2/9: what page views alone can tell of phi 3."""
    p, first = 0.04, CLICKS_OF_VIEWS[0]
    law = user_law(np.array([p]), 3.0)[0]
    assert law @ first**2 - (law @ first) ** 2 == pytest.approx((1 + 4 * 2 / 9) * 5 * p * (1 - p))


@pytest.mark.parametrize("phi", [1.0, 3.0])
def test_hourly_clicks_have_the_mean_and_the_dispersion(phi: float) -> None:
    traffic = Traffic(phi=phi)
    stream = World(traffic, seed=1).stream(100 * WEEK, seed=1, features=False)
    p = np.tile(traffic.rates(), 100)
    expected = p * stream.impressions
    pearson = (stream.clicks - expected) ** 2 / (expected * (1 - p))
    assert stream.clicks.sum() == pytest.approx(expected.sum(), rel=0.005)
    assert pearson.mean() == pytest.approx(phi, rel=0.05)
    assert stream.impressions.mean() == pytest.approx(2_000, rel=0.01)
    assert stream.impressions.sum() * 5 == stream.view_squares[:, 0].sum()
    assert stream.clicks.sum() * 5 == stream.view_squares[:, 1].sum()


def test_a_drop_begins_at_its_hour() -> None:
    world = World(Traffic(an_hour=1e5), seed=2)
    stream = world.stream(2 * WEEK, seed=1, change=Change(at=WEEK, drop=0.25), features=False)
    before, after = stream.clicks[:WEEK].sum(), stream.clicks[WEEK:].sum()
    shown = stream.impressions[:WEEK].sum() / stream.impressions[WEEK:].sum()
    assert after / before * shown == pytest.approx(0.75, rel=0.01)


def test_closed_nights_have_no_rows() -> None:
    stream = World(Traffic(closed_nights=True), seed=3).stream(48, seed=1)
    night = np.isin(np.arange(48) % 24, [23, 0, 1, 2, 3, 4, 5])
    assert not stream.impressions[night].any()
    assert not any(counts[night].any() for counts in stream.bins.values())
    assert stream.impressions[~night].all()
    assert np.isnan(stream.ctr[night]).all()


def test_every_row_falls_in_a_bin_of_every_feature() -> None:
    world = World(Traffic(an_hour=200), seed=4)
    stream = world.stream(48, seed=1)
    for of in (world.reference, stream):
        assert all((counts.sum(axis=1) == of.impressions).all() for counts in of.bins.values())
    sizes = {name: counts.shape[1] for name, counts in stream.bins.items()}
    assert sizes["number_00"] == 11
    assert sizes["category_0002"] == 4
    assert max(sizes.values()) <= 22


def test_the_reference_has_seen_a_share_of_the_rare_levels_only() -> None:
    """At 200 impressions an hour a user with a new level comes now and then: it is `other`."""
    world = World(Traffic(an_hour=20), seed=5)
    other = world.stream(4 * WEEK, seed=1).bins["category_1000"][:, -2].sum()
    assert world.reference.bins["category_1000"][:, -2].sum() == 0
    assert other > 0


def test_rows_of_a_user_share_their_features() -> None:
    stream = World(Traffic(an_hour=200), seed=6).stream(24, seed=1)
    assert all((counts % USER == 0).all() for counts in stream.bins.values())


@pytest.mark.parametrize("name", [IMPORTANT, UNIMPORTANT, "category_0100"])
def test_a_shift_has_the_distance_that_was_asked_for(name: str) -> None:
    law = next(law for law in feature_laws() if law.name == name)
    before, after = law.by_hour().mean(axis=0), law.shifted(0.25).mean(axis=0)
    assert after.sum() == pytest.approx(1)
    assert population_stability(before, after) == pytest.approx(0.25, abs=1e-6)


def test_a_feature_gone_is_all_missing_from_its_hour() -> None:
    world = World(Traffic(an_hour=200), seed=7)
    stream = world.stream(48, seed=1, change=Change(at=24, feature=IMPORTANT))
    counts = stream.bins[IMPORTANT]
    assert counts[:24, :-1].sum() == stream.impressions[:24].sum()  # it never missed before
    assert counts[24:, -1].tolist() == stream.impressions[24:].tolist()


def test_the_gain_adds_up() -> None:
    laws = {law.name: law for law in feature_laws()}
    assert len(laws) == 30
    assert sum(law.cyclic for law in laws.values()) == 10
    assert sum(law.importance for law in laws.values()) == pytest.approx(1)
    assert (laws[IMPORTANT].importance, laws[UNIMPORTANT].importance) == (0.20, 0.0)


def test_the_same_seeds_give_the_same_stream() -> None:
    one, two = (World(Traffic(an_hour=200), seed=8).stream(24, seed=3) for _ in range(2))
    assert one.clicks.tolist() == two.clicks.tolist()
    assert one.bins["category_0050"].tolist() == two.bins["category_0050"].tolist()


def test_without_features_the_rest_is_the_same() -> None:
    world = World(Traffic(an_hour=200), seed=9)
    full, bare = (world.stream(24, seed=3, features=features) for features in (True, False))
    assert full.clicks.tolist() == bare.clicks.tolist()
    assert full.impressions.tolist() == bare.impressions.tolist()
    assert (len(full.bins), bare.bins) == (30, {})


def test_rows_are_of_the_same_law() -> None:
    world = World(Traffic(an_hour=200_000), seed=10)
    drawn = rows(world, 24, seed=1, change=Change(at=12, feature=UNIMPORTANT, psi=0.25))
    law = next(law for law in feature_laws() if law.name == UNIMPORTANT)
    changed = drawn[UNIMPORTANT][drawn["hour"] >= 12]
    deciles = np.histogram(changed, ndtri(np.arange(11) / 10))[0] / changed.size
    assert deciles == pytest.approx(law.shifted(0.25)[0, :10], abs=0.004)
    rare = np.bincount(drawn["category_0003"] + 1, minlength=4) / drawn["hour"].size
    category = next(law for law in feature_laws() if law.name == "category_0003")
    assert np.roll(rare, -1) == pytest.approx(category.by_hour()[:24].mean(axis=0), abs=0.01)


def test_lordens_bound_grows_with_the_dispersion() -> None:
    one, three = (
        lorden_hours([2000.0], [0.04], drop=0.25, phi=phi, run_length_hours=8760)
        for phi in (1.0, 3.0)
    )
    assert three == pytest.approx(3 * one)


@pytest.mark.parametrize("module", [lorden, stream_features])
def test_examples_of_the_docstrings_hold(module) -> None:
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0
