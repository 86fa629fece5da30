"""A backtest decides, trains and promotes as an installation does, hour by hour."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from quick_shop import DAY, MODEL, OPENED

from evergreen.adapters.engine import engine_of
from evergreen.adapters.installation import open_lake, open_ledger, open_published, open_registry
from evergreen.backtest.history import History
from evergreen.backtest.judged import Opponent, judged
from evergreen.backtest.played import play as play_line
from evergreen.backtest.policies import parse_policy
from evergreen.backtest.replay import first_champion, replay
from evergreen.backtest.serving import Shelf
from evergreen.backtest.sketching import Sketcher
from evergreen.backtest.timeline import Kind, Timeline
from evergreen.backtest.workshop import Workshop
from evergreen.config.model_spec import ModelSpec
from evergreen.demo.history import ctr as ctr_of_lake
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.ctr import judge_ctr
from evergreen.monitor.decide import decide
from evergreen.monitor.drift import judge_drift
from evergreen.monitor.measure import measure_hour
from evergreen.orchestration.in_process import retrain
from evergreen.storefront import shop
from evergreen.storefront.play import play
from evergreen.trainer.attempts import attempt_of

pytestmark = pytest.mark.timeout(300)
WINDOW = Window(OPENED, OPENED + 2 * DAY)


class Installed:
    """The shop as an installation runs it, with its lake, ledger, registry and published sets."""

    def __init__(self, spec: ModelSpec, orders: pl.DataFrame) -> None:
        self.spec, self.orders = spec, orders
        self.lake, self.ledger = open_lake(spec), open_ledger()
        self.published = open_published(spec)
        self.decisions: list[tuple[datetime, str, tuple[str, ...]]] = []

    def play(self, start: datetime, end: datetime, *, again: bool = False) -> None:
        play(
            self.orders,
            Window(start, end),
            lake=self.lake,
            published=self.published,
            features=self.spec.features.names,
            again=again,
        )

    def land_orders(self, window: Window) -> None:
        by_hour = self.orders.with_columns(hour=pl.col("order_time").dt.truncate("1h"))
        parts = by_hour.partition_by("hour", as_dict=True, include_key=False)
        for hour in window.hours():
            self.lake.land_hour("orders", hour, parts.get((hour,)))

    def live(self, window: Window) -> None:
        """Run the monitor's tasks hour by hour, and the retraining that it asks for."""
        self.play(window.start, window.end)
        for hour in window.hours():
            measure_hour(self.spec, hour, lake=self.lake, ledger=self.ledger, replay=False)
            judge_ctr(self.spec, hour, ledger=self.ledger, replay=False)
            judge_drift(self.spec, hour, ledger=self.ledger, replay=False)
            said = decide(self.spec, hour, ledger=self.ledger, replay=False)
            self.decisions.append((hour, said["action"], tuple(said["reasons"])))
            if said["action"] == "request_retrain":
                retrain(self.spec, until=hour + HOUR, reason="; ".join(said["reasons"]))
                if hour + HOUR < window.end:
                    self.play(hour + HOUR, window.end, again=True)


@pytest.fixture(scope="module")
def live(installation: Path, spec: ModelSpec, orders: pl.DataFrame) -> Installed:
    """Two days of the shop after its first champion."""
    installed = Installed(spec, orders)
    installed.land_orders(Window(shop.START, WINDOW.start))  # all that a first champion learns from
    retrain(spec, until=WINDOW.start, reason="first champion")
    installed.live(WINDOW)
    return installed


def test_hour_by_hour(
    live: Installed, history: History, make_workshop: Callable[..., Workshop]
) -> None:
    tools = make_workshop(history)
    line = replay(tools, parse_policy("triggered"), WINDOW, in_words=True)
    assert len(line.decisions) == 48
    assert [(h, a) for h, a, _ in line.decisions] == [(h, a) for h, a, _ in live.decisions]
    assert "request_retrain" in {action for _, action, _ in line.decisions}
    assert [r for _, _, r in line.decisions] == [r for _, _, r in live.decisions]
    same_champions(live, line)
    same_counts(live, line, tools)
    same_sketches(live, tools)


def same_champions(live: Installed, line: Timeline) -> None:
    """Hold verdicts, models, lists and profiles of every retraining together."""
    first = line.segments[0].trained
    trained = dict(enumerate([first, *line.trained], 1))
    registry, runs = open_registry(), {run.version: run for run in live.ledger.runs(MODEL)}
    assert runs.keys() == trained.keys()
    for version, ours in trained.items():
        theirs = runs[version].body
        assert (ours.said["verdict"], ours.said["reasons"]) == (
            theirs["verdict"],
            theirs["reasons"],
        )
        files = {
            name: registry.fetch(MODEL, version, name, ours.folder / "theirs")
            for name in ("model.ubj", "profile.json")
        }
        assert files["model.ubj"].read_bytes() == (ours.folder / "model.ubj").read_bytes()
        same_profile(json.loads(files["profile.json"].read_text()), ours.folder)
    released = [(r.version, r.as_of) for r in live.ledger.releases(MODEL)]
    deployed = [e for e in line.events if e.kind is Kind.DEPLOYED]
    assert released[1:] == [(event.version, event.hour) for event in deployed]
    for segment, (version, _) in zip(line.segments, released, strict=True):
        lists = segment.trained.offered
        assert lists.recommendations.equals(live.published.recommendations(version))
        assert lists.popular.equals(live.published.popular(version))


def same_profile(theirs: dict[str, Any], folder: Path) -> None:
    assert json.loads((folder / "profile.json").read_text()) == theirs


def same_counts(live: Installed, line: Timeline, tools: Workshop) -> None:
    """Hold what was shown and clicked together."""
    played = play_line(tools.history, live.spec, line, WINDOW)
    assert played.ctr == ctr_of_lake(live.lake, WINDOW)
    assert played.impressions == live.lake.read("impressions", WINDOW, ["item_id"]).height


def same_sketches(live: Installed, tools: Workshop) -> None:
    """Hold our sketches of the first champion's hours and those of the lake's engine together."""
    first = first_champion(tools, WINDOW.start)
    profile = first.trained.profile(1)
    alone = Window(WINDOW.start, live.decisions[first_request(live)][0] + HOUR)
    shelf = Shelf(first.trained.offered, tools.history)
    ours = Sketcher(shelf, profile).sketches(
        tools.history, alone, live.spec.lake.attribution_window
    )
    theirs = engine_of(live.spec, live.lake).sketches(alone, profile.bins, version="1")
    assert {h: asdict(s) for h, s in ours.items()} == {h: asdict(s) for h, s in theirs.items()}


def first_request(live: Installed) -> int:
    return [action for _, action, _ in live.decisions].index("request_retrain")


def test_a_challenger_meets_its_champion_as_in_the_chain(
    live: Installed, history: History, make_workshop: Callable[..., Workshop]
) -> None:
    """The later retraining goes on from a champion that the holdout has not seen yet."""
    tools = make_workshop(history)
    release = live.ledger.champion(MODEL)
    trained = replay(tools, parse_policy("triggered"), WINDOW).segments[-1].trained
    champion = Opponent(version=release.version, as_of=release.as_of, trained=trained)
    until = WINDOW.end + 5 * DAY
    live.play(WINDOW.end, until)
    theirs = retrain(live.spec, until=until, reason="later")
    attempt = attempt_of(live.ledger, MODEL, theirs["run_key"], release.version)
    ours = judged(tools, until, champion=champion, attempt=attempt)
    assert ours.said["verdict"] == theirs["verdict"]
    assert ours.said["reasons"] == theirs["reasons"]
