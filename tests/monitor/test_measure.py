"""An hour is counted once for each of its generations and profiles, and gaps are caught up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from made_world import MODEL, NOON, World, hour_at, profile

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import HourNotClosed
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import Window
from evergreen.monitor.measure import HOUR_COUNTS, trailing_window


def sketch_of(world: World, hour: Any, digest: str) -> dict[str, Any]:
    (row,) = world.ledger.sketches(MODEL, Window.of_hour(hour), profile=digest)
    return row.sketch


def test_the_counts_of_an_hour(world: World) -> None:
    world.land(NOON, rows=200, clicks=20, fallback=5)
    counts = world.measure(NOON)
    digest = ReferenceProfile.from_json(profile(), model_version="1").digest
    assert counts == {
        "hour": "2011-05-02T12",
        "model_version": "1",
        "profile": digest,
        "profile_problem": None,
        "since": "2011-04-22T12:00:00+00:00",
        "hours_sketched": 1,
        "impressions": 200,
        "clicks": 20,
        "fallback": 5,
        "other_versions": 0,
        "problems": {},
    }
    (row,) = world.ledger.measurements(MODEL, Window.of_hour(NOON))
    assert (row.sensor, row.verdict, row.replay) == (HOUR_COUNTS, "counted", False)
    assert row.body == counts
    assert sketch_of(world, NOON, digest) == {
        "impressions": 200,
        "labelled": 200,
        "clicks": 20,
        "page_views": 40,
        "fallback": 5,
        "other_versions": 0,
        "labelled_at": [200] + [0] * 19,
        "clicks_at": [20] + [0] * 19,
        "view_squares": [40 * 25, 4 * 25, 4 * 25],  # 40 views of 5, four of them all clicked
        "bins": {
            "source": [195, 5, 0, 0],
            "score": [38, 97, 60, 0],  # of the 195 that the model served
            "price": [95, 100, 0],
            "colour": [115, 80, 0, 0],
        },
        "problems": {},
    }


def test_an_hour_that_is_not_closed(world: World) -> None:
    with pytest.raises(HourNotClosed, match="impressions of hour 2011-05-02T12 are not closed"):
        world.measure(NOON)
    assert world.ledger.measurements(MODEL, Window.of_hour(NOON)) == []


def test_an_hour_without_events(world: World) -> None:
    world.lake.land_hour("impressions", NOON, None)
    assert world.measure(NOON)["impressions"] == 0


def test_measuring_again_counts_nothing_again(world: World) -> None:
    world.land(NOON)
    first = world.measure(NOON)
    assert world.measure(NOON) == {**first, "hours_sketched": 0}
    assert len(world.ledger.measurements(MODEL, Window.of_hour(NOON))) == 1


def test_an_hour_that_was_landed_again_is_counted_again(world: World) -> None:
    world.land(NOON, clicks=20)
    world.measure(NOON)
    world.land(NOON, clicks=33)
    counts = world.measure(NOON)
    assert (counts["clicks"], counts["hours_sketched"]) == (33, 1)
    (row,) = world.ledger.sketches(MODEL, Window.of_hour(NOON), profile=counts["profile"])
    assert row.generation == 2


def test_a_later_hour_notices_too(world: World) -> None:
    for hours in (0, 1):
        world.land(hour_at(hours))
        world.measure(hour_at(hours))
    world.land(NOON, clicks=33)
    world.land(hour_at(2))
    counts = world.measure(hour_at(2))
    assert counts["hours_sketched"] == 2
    assert sketch_of(world, NOON, counts["profile"])["clicks"] == 33


def test_missed_hours_are_caught_up(world: World) -> None:
    older = -10 * 24 - 1  # than the champion, which served nothing then
    hours = [hour_at(h) for h in (older, -9, -5, -2, 0)]
    for hour in hours:
        world.land(hour)
    counts = world.measure(NOON)
    assert counts["hours_sketched"] == 4
    window = Window(hour_at(older - 1), hour_at(1))
    rows = world.ledger.sketches(MODEL, window, profile=counts["profile"])
    assert [row.hour for row in rows] == hours[1:]
    world.land(hour_at(-3))  # an hour that comes late
    assert world.measure(NOON)["hours_sketched"] == 1


def test_a_new_champion_counts_the_window_anew(world: World) -> None:
    for hours in (-1, 0):
        world.land(hour_at(hours), version="1")
    first = world.measure(NOON)
    world.release(2)
    second = world.measure(NOON)
    assert (second["model_version"], second["hours_sketched"]) == ("2", 2)
    assert second["profile"] != first["profile"]
    assert (second["impressions"], second["other_versions"]) == (0, 200)


def test_an_hour_that_is_older_than_the_champion_is_counted_too(world: World) -> None:
    world.land(NOON, version="1")
    world.release(2, as_of=hour_at(1))
    counts = world.measure(NOON)  # cleared after the retraining that it asked for
    assert (counts["model_version"], counts["impressions"], counts["other_versions"]) == (
        "2",
        0,
        200,
    )


def test_without_a_champion(empty_world: World) -> None:
    empty_world.land(NOON, version="none", fallback=200)
    counts = empty_world.measure(NOON)
    assert (counts["model_version"], counts["impressions"], counts["fallback"]) == (
        "none",
        200,
        200,
    )


def test_a_replay_counts_by_the_version_that_served(world: World) -> None:
    world.land(hour_at(-30), version="1")
    world.release(2)
    world.land(NOON, version="2")
    old = world.measure(hour_at(-30), replay=True)
    assert (old["model_version"], old["impressions"]) == ("1", 200)
    assert world.measure(NOON, replay=True)["model_version"] == "2"
    assert world.measure(hour_at(-30))["model_version"] == "2"  # live, it is the champion's


def test_a_replay_of_a_version_that_was_never_released(world: World) -> None:
    world.land(NOON, version="by-hand")
    counts = world.measure(NOON, replay=True)
    assert (counts["model_version"], counts["impressions"]) == ("by-hand", 200)


def test_a_replay_of_an_hour_without_events_falls_back_to_the_champion(world: World) -> None:
    world.lake.land_hour("impressions", NOON, None)
    assert world.measure(NOON, replay=True)["model_version"] == "1"


@pytest.mark.parametrize(
    ("attribution", "last_hour"), [("0h", 0), ("1h", -1), ("90m", -2), ("2d", -48)]
)
def test_only_mature_hours_are_judged(attribution: str, last_hour: int) -> None:
    spec = ModelSpec.model_validate(
        {
            "model": MODEL,
            "description": "",
            "owner": "",
            "lake": {"attribution_window": attribution},
        }
    )
    window = trailing_window(spec, NOON)
    assert window.length == timedelta(days=7)
    assert window.end == hour_at(last_hour + 1)
