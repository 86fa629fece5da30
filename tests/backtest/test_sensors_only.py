"""A log of impressions alone: alarms can be replayed, another policy's CTR at most estimated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evergreen.adapters.lake import Lake
from evergreen.backtest.sensors_only import sensors_only
from evergreen.config.model_spec import load_spec
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import BacktestInvalid
from evergreen.storefront.bandit_log import land_bandit_log, read_bandit_log

LOG = PROJECT.parent / "shared" / "data" / "open_bandit"
SPEC = load_spec(PROJECT / "include" / "models" / "open_bandit")
START = datetime(2019, 11, 24, tzinfo=UTC)
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not LOG.is_dir(), reason="the shared data is not here"),
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A week of the random policy, then one of another policy under the same version."""
    made = Lake(str(tmp_path / "lake"), SPEC.columns)
    for number, policy in enumerate(("random", "bts")):
        rows = read_bandit_log(LOG, policy, "men")
        land_bandit_log(rows, made, version="v", shift=number * timedelta(days=7))
    return made


def test_what_can_be_said_and_what_cannot(lake: Lake, tmp_path: Path) -> None:
    said = sensors_only(SPEC, lake=lake, start=START + timedelta(days=5), end=None, policy=None)
    assert said["hours"] == 9 * 24
    assert said["reference"] == "[2019-11-24T00, 2019-11-29T00)"
    swapped = [alarm["hour"] for alarm in said["alarms"]]
    assert swapped  # the other policy shows other items
    assert min(swapped) >= "2019-12-01T00"  # and before it nothing alarms
    assert said["requests"][0]["hour"] == swapped[0]
    assert "drift" in said["requests"][0]["reasons"][0]
    assert said["off_policy"]["logged"]["value"] == pytest.approx(said["ctr_logged"], abs=1e-6)
    assert "never shown" in said["cannot_be_known"][0]


def test_another_policy_is_estimated_from_a_file(lake: Lake, tmp_path: Path) -> None:
    items = lake.read("impressions", None, ["item_id"])["item_id"].unique().sort()
    policy = tmp_path / "policy.csv"
    pl.DataFrame({"item_id": items, "probability": 1 / items.len()}).write_csv(policy)
    end = START + timedelta(days=7)
    start = START + timedelta(days=5)
    said = sensors_only(SPEC, lake=lake, start=start, end=end, policy=policy)
    estimate = said["off_policy"]
    assert estimate["snips"]["lower"] < estimate["logged"]["value"] < estimate["snips"]["upper"]


def test_without_propensities_it_is_refused(tmp_path: Path) -> None:
    made = Lake(str(tmp_path / "lake"), SPEC.columns)
    rows = read_bandit_log(LOG, "random", "men").drop("propensity_score")
    land_bandit_log(rows, made, version="v", shift=timedelta(0))
    said = sensors_only(SPEC, lake=made, start=None, end=None, policy=None)
    assert said["hours"] == 4 * 24
    assert "logs no propensity" in said["off_policy"]["refused"]


def test_nothing_to_replay(tmp_path: Path, lake: Lake) -> None:
    empty = Lake(str(tmp_path / "empty"), SPEC.columns)
    with pytest.raises(BacktestInvalid, match="no closed hour"):
        sensors_only(SPEC, lake=empty, start=None, end=None, policy=None)
    with pytest.raises(BacktestInvalid, match="leaves no reference"):
        sensors_only(SPEC, lake=lake, start=START, end=None, policy=None)
