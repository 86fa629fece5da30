"""The trigger policy over the ledger: what was said and asked before, and about which champion."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from made_world import MODEL, NOON, World, hour_at, make_world

from evergreen.monitor.decide import decide


def say(world: World, hours: int, *, ctr: str = "no", drift: str = "no") -> dict[str, Any]:
    """Write what the sensors say of an hour, and return the decision."""
    hour = hour_at(hours)
    for sensor, verdict in (("ctr", ctr), ("drift", drift)):
        body = {"reason": f"it said {verdict}"}
        world.ledger.put_measurement(MODEL, hour, sensor, verdict=verdict, body=body, replay=False)
    return decide(world.spec, hour, ledger=world.ledger, replay=False)


def made(folder: Path, **trigger: Any) -> World:
    world = make_world(folder, trigger=trigger)
    world.release(1)
    return world


def test_two_of_three_hours_and_the_newest(tmp_path: Path) -> None:
    world = made(tmp_path, alarms=2, of_hours=3)
    first, quiet, second = say(world, 0, ctr="yes"), say(world, 1), say(world, 2, ctr="yes")
    assert (first["action"], first["reasons"][-1]) == (
        "warn",
        "1 of 2 alarms needed within 3 hours",
    )
    assert quiet["action"] == "warn"
    assert (second["action"], second["sensors"]) == ("request_retrain", ["ctr"])


def test_an_alarm_three_hours_ago_is_not_one_of_the_last_three(tmp_path: Path) -> None:
    world = made(tmp_path, alarms=2, of_hours=3)
    say(world, 0, ctr="yes")
    assert say(world, 3, ctr="yes")["action"] == "warn"
    assert say(world, 4, ctr="yes")["action"] == "request_retrain"


def test_two_sensors_do_not_add_up(tmp_path: Path) -> None:
    world = made(tmp_path, alarms=2, of_hours=3)
    say(world, 0, ctr="yes")
    assert say(world, 1, drift="yes")["action"] == "warn"


def test_healthy_only_after_some_hours_without_alarm(tmp_path: Path) -> None:
    world = made(tmp_path, clear_after=3, alarms=2, of_hours=2)
    say(world, 0, ctr="yes")
    said = [say(world, hours) for hours in range(1, 5)]
    assert [s["action"] for s in said] == ["warn", "warn", "warn", "healthy"]
    assert said[0]["reasons"] == ["ctr: alarmed last at 2011-05-02T12, healthy after 3 hours"]
    assert (said[0]["sensors"], said[3]["sensors"]) == (["ctr"], [])


def test_the_cooldown_doubles_while_no_champion_comes(tmp_path: Path) -> None:
    world = made(tmp_path, cooldown="4h", max_retrains_per_day=10)
    asked = [h for h in range(130) if say(world, h, ctr="yes")["action"] == "request_retrain"]
    assert asked == [0, 4, 12, 28, 60, 92, 124]  # 4, 8, 16, then 32 hours, and never longer


def test_a_new_champion_ends_the_doubling(tmp_path: Path) -> None:
    world = made(tmp_path, cooldown="4h", max_retrains_per_day=10)
    for hours in range(30):
        say(world, hours, ctr="yes")
    world.release(2, as_of=hour_at(30))
    asked = [h for h in range(30, 40) if say(world, h, ctr="yes")["action"] == "request_retrain"]
    assert asked == [34, 38]


def test_a_champion_that_is_too_old(tmp_path: Path) -> None:
    world = make_world(tmp_path, trigger={"max_model_age": "28d"})
    world.release(1, as_of=NOON - timedelta(days=28))
    young, old = say(world, -2), say(world, -1)
    assert young["action"] == "healthy"
    assert (old["action"], old["sensors"], old["tell"]) == ("request_retrain", ["age"], True)
    assert old["reasons"] == ["age: the champion is 28.0 days old, 28 allowed"]


def test_alarms_about_an_earlier_champion_do_not_count(tmp_path: Path) -> None:
    world = made(tmp_path, alarms=2, of_hours=3, cooldown="1h")
    say(world, 0, ctr="yes")
    world.release(2, as_of=hour_at(1))
    assert say(world, 1)["action"] == "healthy"  # and there is nothing to recover from
    assert say(world, 2, ctr="yes")["reasons"][-1] == "1 of 2 alarms needed within 3 hours"
