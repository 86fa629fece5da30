"""Airflow backfilled the demo's monitor over 48 hours: a backtest judges and decides as it did.

That models, lists and the decisions of two days with a retraining in them are equal is shown
without Airflow, by tests/backtest/test_as_installed.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from kept_demo import BACKFILLED, MODEL, Told

from evergreen.adapters.ledger import Release
from evergreen.adapters.published import Published
from evergreen.adapters.registry import Registry
from evergreen.backtest.champion import Champion
from evergreen.backtest.history import History
from evergreen.backtest.judged import Opponent
from evergreen.backtest.lists import LISTS, POPULAR, PROFILE, Trained
from evergreen.backtest.timeline import Timeline
from evergreen.backtest.watch import Watch
from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.demo.plan import make_plan
from evergreen.domain.windows import HOUR, Window
from evergreen.storefront.log_store import load_orders

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def releases(told: Told) -> list[Release]:
    """The stale champion's and its successor's."""
    return told.ledger.releases(MODEL)


@pytest.fixture(scope="module")
def history(told: Told, releases: list[Release]) -> History:
    """What was ordered, in the time of the demo's lake."""
    orders = load_orders(told.home)
    plan = make_plan(orders, datetime.now(UTC))
    shift = releases[0].as_of - plan.trained + plan.shift
    return History.of(orders.with_columns(pl.col("order_time") + shift))


@pytest.fixture(scope="module")
def spec(told: Told) -> ModelSpec:
    return load_spec(told.models / MODEL)


def opponent(told: Told, release: Release, folder: Path) -> Opponent:
    """Return a version of the demo's registry and published sets, as a backtest keeps one."""
    registry = Registry(f"sqlite:///{told.home / 'mlflow' / 'mlflow.db'}")
    registry.fetch(MODEL, release.version, PROFILE, folder)
    published = Published(str(told.home / "published" / MODEL))
    published.recommendations(release.version).write_parquet(folder / LISTS)
    published.popular(release.version).write_parquet(folder / POPULAR)
    return Opponent(version=release.version, as_of=release.as_of, trained=Trained(folder))


@pytest.fixture(scope="module")
def champion(
    told: Told,
    spec: ModelSpec,
    history: History,
    releases: list[Release],
    tmp_path_factory: pytest.TempPathFactory,
) -> Champion:
    """The successor, on probation against what the stale one went on earning."""
    old, new = (
        opponent(told, release, tmp_path_factory.mktemp(f"version-{release.version}"))
        for release in releases
    )
    stale = Champion.of(
        old, history, spec, Window(old.as_of, new.as_of), replaced=None, in_words=False
    )
    for _ in stale.findings([]):
        pass
    end = new.as_of + (BACKFILLED + 1) * HOUR
    return Champion.of(new, history, spec, Window(new.as_of, end), replaced=stale, in_words=True)


def test_each_backfilled_hour_is_judged_and_decided_as_a_backtest_does(
    told: Told, spec: ModelSpec, releases: list[Release], champion: Champion
) -> None:
    since = releases[1].as_of + HOUR  # the demo's backfill begins an hour after the release
    window = Window(since, since + BACKFILLED * HOUR)
    measured = {(m.hour, m.sensor): m for m in told.ledger.measurements(MODEL, window)}
    judged = [(hour, said) for hour, said in champion.findings([]) if hour in window]
    assert [hour for hour, _ in judged] == list(window.hours())
    for hour, findings in judged:
        for sensor, ours in {**findings, "probation": champion.probation(hour)}.items():
            theirs = measured[hour, sensor]
            assert ours is not None
            assert theirs.replay
            said = (hour, sensor, ours.verdict, ours.reason)
            assert said == (hour, sensor, theirs.verdict, theirs.body["reason"])
    line = Timeline()
    Watch(spec, line).until_asked(champion)
    decided = {hour: (action, list(reasons)) for hour, action, reasons in line.decisions}
    for hour in window.hours():
        decision = told.ledger.decision(MODEL, hour, replay=True)
        assert decision is not None
        assert decided[hour] == (decision.body["would"], decision.body["reasons"])
