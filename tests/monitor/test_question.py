"""Asking a sensor gives a replay's answer and changes no record."""

from __future__ import annotations

from typing import Any

import pytest
from made_world import MODEL, NOON, World, hour_at

from evergreen.domain.errors import HourNotClosed
from evergreen.domain.windows import Window
from evergreen.monitor.question import Sensor, ask

BOTH: tuple[Sensor, Sensor] = ("ctr", "drift")


def records(world: World) -> list[Any]:
    return world.ledger.measurements(MODEL, Window(hour_at(-48), hour_at(48)))


@pytest.mark.parametrize("sensor", BOTH)
def test_the_answer_is_the_one_that_a_replay_records(world: World, sensor: Sensor) -> None:
    for hours in range(-5, 1):
        world.land(hour_at(hours), clicks=10)
    asked = ask(world.spec, NOON, sensor, lake=world.lake, ledger=world.ledger)
    assert records(world) == []
    assert (asked["model"], asked["hour"], asked["model_version"]) == (MODEL, "2011-05-02T12", "1")
    replayed = world.judge(NOON, replay=True)[sensor]
    assert {name: asked[name] for name in replayed} == replayed


def test_a_live_record_stays_as_it_was(world: World) -> None:
    world.land(NOON)
    world.decide(NOON)
    before = records(world)
    world.land(NOON, clicks=0)  # it would be judged otherwise now
    for sensor in BOTH:
        ask(world.spec, NOON, sensor, lake=world.lake, ledger=world.ledger)
    assert records(world) == before
    assert not any(row.replay for row in before)


def test_an_hour_that_is_not_closed(world: World) -> None:
    with pytest.raises(HourNotClosed, match="impressions of hour 2011-05-02T12 are not closed"):
        ask(world.spec, NOON, "ctr", lake=world.lake, ledger=world.ledger)
