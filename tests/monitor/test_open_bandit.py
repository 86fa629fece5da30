"""Real impressions of two policies: 56 an hour, mostly without a click, under the log's own names.

The profile is made from a policy's first three days (of seven), as few as the drift sensor takes;
so four days of each week are judged that the profile has not seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evergreen.adapters.engine import engine_of
from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import load_spec
from evergreen.config.settings import PROJECT
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.ctr import judge_ctr
from evergreen.monitor.decide import decide
from evergreen.monitor.drift import judge_drift
from evergreen.monitor.hand_made import make_by_hand
from evergreen.monitor.measure import measure_hour, profile_of
from evergreen.monitor.series import judge_ctr_hours, judge_drift_hours
from evergreen.storefront.bandit_log import Campaign, Policy, land_bandit_log, read_bandit_log

pytestmark = [pytest.mark.data, pytest.mark.timeout(300)]
LOG = PROJECT.parent / "shared" / "data" / "open_bandit"
SPEC = load_spec(PROJECT / "include" / "models" / "open_bandit")
START, WEEK = datetime(2019, 11, 24, tzinfo=UTC), timedelta(days=7)
REFERENCE = Window(START, START + timedelta(days=3))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[Lake, Ledger]]:
    """Return what lands weeks of policies, one after the other, under one model version."""
    if not LOG.is_dir():
        pytest.skip(f"{LOG} is not here")

    def land(*policies: Policy, campaign: Campaign = "men") -> tuple[Lake, Ledger]:
        lake, ledger = Lake(str(tmp_path / "lake"), SPEC.columns), Ledger(f"sqlite:///{tmp_path}/l")
        ledger.migrate()
        for number, policy in enumerate(policies):
            rows = read_bandit_log(LOG, policy, campaign)
            land_bandit_log(rows, lake, version="v", shift=number * WEEK)
        make_by_hand(SPEC, "v", REFERENCE, lake=lake, ledger=ledger)
        return lake, ledger

    return land


def play(lake: Lake, ledger: Ledger, hour: datetime, *, replay: bool) -> dict[str, Any]:
    """Run one hour as the DAG does."""
    measure_hour(SPEC, hour, lake=lake, ledger=ledger, replay=replay)
    judge_ctr(SPEC, hour, ledger=ledger, replay=replay)
    judge_drift(SPEC, hour, ledger=ledger, replay=replay)
    return decide(SPEC, hour, ledger=ledger, replay=replay)


@pytest.mark.parametrize("campaign", ["men", "women"])
@pytest.mark.parametrize("policy", ["random", "bts"])
def test_no_hour_alarms_while_a_policy_stays(
    make: Callable[..., tuple[Lake, Ledger]], policy: Policy, campaign: Campaign
) -> None:
    lake, ledger = make(policy, campaign=campaign)
    week, profile = Window(START, START + WEEK), profile_of("open_bandit", "v", ledger)
    sketches = engine_of(SPEC, lake).sketches(week, profile.bins, version="v")
    drift = judge_drift_hours(SPEC, week, profile, sketches)
    ctr = list(judge_ctr_hours(SPEC, week, profile, sketches))
    assert set(drift.verdicts) == {Verdict.NO, Verdict.NOT_ENOUGH_DATA}  # the latter at night
    judged = sum(s.impressions >= SPEC.monitor.min_hour_impressions for s in sketches.values())
    assert Counter(drift.verdicts)[Verdict.NO] == judged
    seen = Counter(judgement.verdict for judgement in ctr)
    assert set(seen) == {Verdict.NO, Verdict.NOT_ENOUGH_DATA}
    assert seen[Verdict.NO] > 84


@pytest.mark.parametrize("policy", ["random", "bts"])
def test_a_replay_of_the_week_requests_nothing(
    make: Callable[..., tuple[Lake, Ledger]], policy: Policy
) -> None:
    lake, ledger = make(policy)
    week = Window(START, START + WEEK)
    said = [play(lake, ledger, hour, replay=True) for hour in week.hours()]
    would = Counter(s["would"] for s in said)
    assert set(would) == {"healthy", "warn"}
    verdicts = Counter((m.sensor, m.verdict) for m in ledger.measurements("open_bandit", week))
    assert verdicts["ctr", "yes"] == verdicts["drift", "yes"] == 0
    assert verdicts["ctr", "not_enough_data"] == would["warn"] > 0  # nights, and the first days
    assert verdicts["ctr", "no"] == would["healthy"] > 72  # and most of it is judged
    counted = ledger.measurements("open_bandit", week, "hour_counts")
    least = SPEC.monitor.min_hour_impressions
    assert verdicts["drift", "no"] == sum(m.body["impressions"] >= least for m in counted)


@pytest.mark.parametrize("campaign", ["men", "women"])
def test_another_policy_under_the_same_name_is_found_as_drift(
    make: Callable[..., tuple[Lake, Ledger]], campaign: Campaign
) -> None:
    lake, ledger = make("random", "bts", campaign=campaign)
    changed = START + WEEK
    play(lake, ledger, changed - HOUR, replay=False)
    asked = []
    for hour in Window(changed, changed + timedelta(hours=12)).hours():
        said = play(lake, ledger, hour, replay=False)
        asked += [said] if said["action"] == "request_retrain" else []
    (request,) = asked  # the cooldown holds back the others
    assert request["sensors"] == ["drift"]
    assert request["reasons"][0].startswith("drift: drifted: item_id (")
    drift = request["evidence"]["drift"]
    drifted = {c["column"] for c in drift["columns"] if c["verdict"] == "yes"}
    assert drifted == {"item_id"}  # the items changed, the customers did not
    assert drift["importance"] == 1.0
