"""A live decision is taken once; a replay never requests."""

from __future__ import annotations

from pathlib import Path

from made_world import MODEL, NOON, World, hour_at, make_world

from evergreen.domain.windows import Window
from evergreen.monitor.decide import decide


def land(world: World, first: int, last: int, *, clicks: int) -> None:
    for hours in range(first, last + 1):
        world.land(hour_at(hours), clicks=clicks)


def test_healthy(world: World) -> None:
    land(world, -5, 0, clicks=20)
    said = world.decide(NOON)
    assert (said["action"], said["would"], said["replay"]) == ("healthy", "healthy", False)
    assert (said["model"], said["hour"], said["champion"]) == (MODEL, "2011-05-02T12", 1)
    assert [reason.partition(":")[0] for reason in said["reasons"]] == ["ctr", "drift"]


def test_a_fallen_ctr_asks_for_retraining_with_its_evidence(world: World) -> None:
    land(world, -5, 0, clicks=5)
    said = world.decide(NOON)
    assert said["action"] == said["would"] == "request_retrain"
    assert said["reasons"][0].startswith("ctr: CTR 2.50%, expected 10.00% (-75%); evidence ")
    assert set(said["evidence"]) == {"ctr", "drift"}
    assert said["evidence"]["ctr"]["verdict"] == "yes"
    kept = world.ledger.decision(MODEL, NOON)
    assert kept is not None
    assert (kept.action, kept.body) == ("request_retrain", said)


def test_asked_again_the_same_decision_comes_back(world: World) -> None:
    land(world, -5, 0, clicks=5)
    first = world.decide(NOON)
    land(world, -5, 0, clicks=20)  # the hours are landed again, and all is well
    assert world.judge(NOON)["ctr"]["verdict"] == "no"
    assert decide(world.spec, NOON, ledger=world.ledger, replay=False) == first
    assert len(world.ledger.decisions(MODEL)) == 1


def test_within_the_cooldown_it_warns(world: World) -> None:
    land(world, -5, 4, clicks=5)
    said = [world.decide(hour_at(hours)) for hours in range(5)]
    assert [s["action"] for s in said] == ["request_retrain", *["warn"] * 3, "request_retrain"]
    assert said[1]["would"] == "warn"
    assert said[1]["reasons"][-1] == (
        "cooldown: retrained or requested at 2011-05-02T12, quiet until 2011-05-02T16"
    )


def test_the_budget_of_a_day(tmp_path: Path) -> None:
    world = make_world(tmp_path, trigger={"cooldown": "1h", "max_retrains_per_day": 2})
    world.release(1)
    land(world, -5, 2, clicks=5)
    said = [world.decide(hour_at(hours)) for hours in range(3)]
    assert [s["action"] for s in said] == ["request_retrain", "request_retrain", "warn"]
    assert said[2]["reasons"][-1] == "budget: 2 requests in 24 hours, 2 allowed"


def test_a_new_champion_cools(world: World) -> None:
    land(world, -5, 0, clicks=20)
    world.release(2, as_of=hour_at(-3))
    for hours in range(-2, 1):
        world.land(hour_at(hours), version="2", clicks=0)
    said = world.decide(NOON)
    assert said["action"] == "warn"
    assert said["reasons"][-1].startswith("cooldown: retrained or requested at 2011-05-02T09")


def test_not_enough_data_is_not_healthy(world: World) -> None:
    world.land(NOON, rows=50, clicks=0)
    said = world.decide(NOON)
    assert said["action"] == "warn"
    assert said["sensors"] == ["ctr"]
    assert said["reasons"] == ["ctr: not enough data: 50 impressions in the window, 100 needed"]


def test_a_lack_of_data_is_told_once_the_champion_is_older_than_the_window(world: World) -> None:
    world.release(2, as_of=hour_at(-5))
    for hours in (0, 1):
        world.land(hour_at(hours), rows=20, version="2", clicks=0)
    new, old = world.decide(NOON), world.decide(hour_at(1))
    assert (new["action"], new["sensors"], new["tell"]) == ("warn", ["ctr", "drift"], False)
    assert (old["action"], old["sensors"], old["tell"]) == ("warn", ["ctr", "drift"], True)


def test_an_alarm_is_told_however_new_the_champion_is(world: World) -> None:
    world.release(2, as_of=hour_at(-1))
    world.land(NOON, version="2", clicks=0)
    said = world.decide(NOON)
    assert (said["action"], said["sensors"], said["tell"]) == ("warn", ["ctr"], True)


def test_without_a_champion_popularity_alone_asks_for_the_first(empty_world: World) -> None:
    empty_world.land(NOON, version="none", fallback=200, clicks=4)
    said = empty_world.decide(NOON)
    assert (said["action"], said["champion"]) == ("request_retrain", None)


def test_an_hour_that_no_sensor_judged(world: World) -> None:
    said = decide(world.spec, NOON, ledger=world.ledger, replay=False)
    assert (said["action"], said["reasons"]) == ("warn", ["no sensor has judged this hour"])


def test_a_replay_never_requests(world: World) -> None:
    land(world, -5, 0, clicks=5)
    said = world.decide(NOON, replay=True)
    assert (said["action"], said["would"], said["replay"]) == ("warn", "request_retrain", True)
    assert world.ledger.decisions(MODEL) == []
    kept = world.ledger.decision(MODEL, NOON, replay=True)
    assert kept is not None
    assert kept.action == "warn"
    rows = world.ledger.measurements(MODEL, Window.of_hour(NOON))
    assert all(row.replay for row in rows)


def test_a_replay_leaves_the_live_decision_alone(world: World) -> None:
    land(world, -5, 0, clicks=5)
    live = world.decide(NOON)
    land(world, -5, 0, clicks=20)
    assert world.decide(NOON, replay=True)["action"] == "healthy"
    assert decide(world.spec, NOON, ledger=world.ledger, replay=False) == live
    assert [d.action for d in world.ledger.decisions(MODEL)] == ["request_retrain"]


def test_a_replay_counts_for_no_cooldown(world: World) -> None:
    land(world, -5, 1, clicks=5)
    world.decide(NOON, replay=True)
    assert world.decide(hour_at(1))["action"] == "request_retrain"


def test_a_backfill_of_48_hours_measures_each_and_does_nothing(world: World) -> None:
    land(world, -48, -1, clicks=2)
    said = [world.decide(hour_at(hours), replay=True) for hours in range(-48, 0)]
    assert {s["action"] for s in said} == {"warn"}
    assert [s["would"] for s in said].count("request_retrain") > 0
    window = Window(hour_at(-48), NOON)
    for sensor in ("hour_counts", "ctr", "drift"):
        assert len(world.ledger.measurements(MODEL, window, sensor)) == 48
    assert world.ledger.decisions(MODEL) == []
    assert world.ledger.runs(MODEL) == []
    assert world.ledger.deliveries(MODEL) == []
    assert len(world.ledger.releases(MODEL)) == 1


def test_a_decision_keeps_the_columns_that_have_drifted_and_the_measurement_all(
    world: World,
) -> None:
    columns = [
        {"column": "price", "view": "24h", "verdict": "yes"},
        {"column": "colour", "view": "24h", "verdict": "no"},
    ]
    body = {"reason": "price", "columns": columns}
    world.ledger.put_measurement(MODEL, NOON, "drift", verdict="yes", body=body, replay=False)
    decision = decide(world.spec, NOON, ledger=world.ledger, replay=False)
    assert decision["evidence"]["drift"]["columns"] == columns[:1]
    kept = world.ledger.measurements(MODEL, Window.of_hour(NOON), "drift")
    assert kept[0].body["columns"] == columns
