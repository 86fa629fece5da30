"""The gate asks the log itself: a shop that showed items at random says who would have earned."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from made_runs import Versions, finish, make_run
from made_shop import CLUSTERS, END, HOLDOUT_START, ITEMS_A_CLUSTER, MODEL, Shop, spec_body
from test_gate_run import crowned, evaluated, ledger

from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.gate_rule import RuleVerdict
from evergreen.domain.off_policy import evaluate_policy
from evergreen.domain.windows import HOUR, hour_key
from evergreen.trainer.dataset import build_dataset
from evergreen.trainer.evaluate import evaluate
from evergreen.trainer.fit import train
from evergreen.trainer.gate_run import gate
from evergreen.trainer.holdout import Offered
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.off_policy import off_policy_of, rule_of

__all__ = ["crowned", "ledger"]
ITEMS = CLUSTERS * ITEMS_A_CLUSTER
OWN, OTHER = 0.4, 0.05
"""Click rates of an item of the context's own cluster, and of any other item."""
SPEC = ModelSpec.model_validate(
    spec_body(gate={"holdout": "3d", "off_policy": {"min_effective_sample": 100}})
)


def random_impressions(hour_number: int, *, views: int, propensity: bool = True) -> pl.DataFrame:
    """Return an hour in which each place of a page showed any item with probability 1/60."""
    rng = np.random.default_rng(hour_number)
    context = np.repeat(rng.integers(ITEMS, size=views), 5)
    item = rng.integers(ITEMS, size=views * 5)
    same = context // ITEMS_A_CLUSTER == item // ITEMS_A_CLUSTER
    frame = pl.DataFrame(
        {
            "event_time": [HOLDOUT_START + hour_number * HOUR] * item.size,
            "page_view_id": [f"{hour_number}-{n}" for n in range(views) for _ in range(5)],
            "context_item_id": [f"i{n:02}" for n in context],
            "item_id": [f"i{n:02}" for n in item],
            "position": pl.Series(np.tile(np.arange(1, 6), views), dtype=pl.Int8),
            "score": pl.Series(np.full(item.size, 0.1), dtype=pl.Float32),
            "model_version": "1",
            "clicked": rng.random(item.size) < np.where(same, OWN, OTHER),
            "source": "model",
            "propensity": pl.Series(np.full(item.size, 1 / ITEMS), dtype=pl.Float32),
        }
    ).with_columns(pl.col("event_time").cast(pl.Datetime("us", "UTC")))
    return frame if propensity else frame.drop("propensity")


def lists(shift: int) -> Offered:
    """Return five items for every context: of its own cluster, or of one `shift` further on."""
    rows = []
    for context in range(ITEMS):
        start = (context // ITEMS_A_CLUSTER + shift) % CLUSTERS * ITEMS_A_CLUSTER
        offered = [start + n for n in range(ITEMS_A_CLUSTER) if start + n != context][:5]
        rows += [(f"i{context:02}", f"i{n:02}", rank) for rank, n in enumerate(offered, start=1)]
    frame = pl.DataFrame(rows, schema=["context_item_id", "item_id", "rank"], orient="row")
    popular = pl.DataFrame({"item_id": ["i00"], "rank": [1], "score": [0.1]})
    return Offered(
        recommendations=frame.with_columns(score=pl.lit(0.2, pl.Float32)),
        popular=popular.cast({"score": pl.Float32}),
    )


def opened(folder: Path, **manifest: Any) -> RunDir:
    """Return a run whose data set is built."""
    run = make_run(folder, SPEC, **manifest)
    said = {"holdout_start": HOLDOUT_START.isoformat(), "as_of": END.isoformat()}
    finish(run, "build_dataset", said)
    return run


def land_random_hours(lake: Lake) -> None:
    for n in range(12):
        lake.land_hour("impressions", HOLDOUT_START + n * HOUR, random_impressions(n, views=800))


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run over a lake that showed items at random for half a day."""
    run = opened(tmp_path)
    land_random_hours(Lake(run.manifest()["lake"]))
    return run


def test_the_estimates_are_the_truth_of_both(run: RunDir) -> None:
    said = off_policy_of(run, SPEC, lists(0), lists(1))
    assert said is not None
    for name, truth in (("snips", OWN), ("doubly_robust", OWN), ("compared", OTHER)):
        assert said[name]["lower"] < truth < said[name]["upper"]
    assert said["rows"] == 12 * 800 * 5
    rule = rule_of(said, max_loss=0.0)
    assert rule.verdict is RuleVerdict.PASS
    assert rule.lower > 0.2


def test_one_that_surely_earns_less_fails(run: RunDir) -> None:
    said = off_policy_of(run, SPEC, lists(1), lists(0))
    assert said is not None
    rule = rule_of(said, max_loss=0.0)
    assert rule.verdict is RuleVerdict.FAIL
    assert "off-policy CTR" in rule.text


def test_too_few_that_speak_for_it_are_no_answer(run: RunDir) -> None:
    strict = SPEC.model_copy(
        update={
            "gate": SPEC.gate.model_copy(
                update={
                    "off_policy": SPEC.gate.off_policy.model_copy(
                        update={"min_effective_sample": 5_000.0}
                    )
                }
            )
        }
    )
    said = off_policy_of(run, strict, lists(1), lists(0))
    assert said is not None
    assert rule_of(said, max_loss=0.0).verdict is RuleVerdict.NOT_ENOUGH_DATA


def test_a_shop_without_propensities_is_not_asked(tmp_path: Path) -> None:
    run = opened(tmp_path)
    lake = Lake(run.manifest()["lake"])
    assert off_policy_of(run, SPEC, lists(0), None) is None
    frame = random_impressions(0, views=10, propensity=False)
    lake.land_hour("impressions", HOLDOUT_START, frame)
    assert off_policy_of(run, SPEC, lists(0), None) is None


def test_a_log_that_lacks_some_is_refused_with_the_reason(run: RunDir) -> None:
    lake = Lake(run.manifest()["lake"])
    frame = random_impressions(3, views=10).with_columns(propensity=pl.lit(None, dtype=pl.Float32))
    lake.land_hour("impressions", HOLDOUT_START + 3 * HOUR, frame)
    said = off_policy_of(run, SPEC, lists(0), None)
    assert said is not None
    assert "50 of 50 impressions of an hour have none" in said["refused"]
    assert rule_of(said, max_loss=0.0).verdict is RuleVerdict.NOT_ENOUGH_DATA


def test_hours_in_quarantine_do_not_speak(tmp_path: Path) -> None:
    judged = {hour_key(HOLDOUT_START): 1, hour_key(HOLDOUT_START + HOUR): 1}
    run = opened(tmp_path, quarantined_impressions=judged)
    lake = Lake(run.manifest()["lake"])
    land_random_hours(lake)
    lake.land_hour("impressions", HOLDOUT_START + HOUR, random_impressions(1, views=10))  # again
    said = off_policy_of(run, SPEC, lists(0), None)
    assert said is not None
    assert said["rows"] == 10 * 800 * 5 + 50


def log_says(clicked_with_policy: float) -> dict[str, Any]:
    """Return an estimate of a policy that shows every other of 8,000 impressions."""
    n = 8_000
    shown = np.arange(n) % 2 == 0
    clicked = np.where(shown, np.arange(n) % 100 < clicked_with_policy * 100, np.arange(n) % 10 < 3)
    return asdict(evaluate_policy(clicked, np.full(n, 0.5), shown, np.arange(n)))


@pytest.mark.parametrize(("rate", "verdict"), [(0.1, "HOLD"), (0.6, "PROMOTE")])
def test_the_gate_listens(tmp_path: Path, crowned: Ledger, rate: float, verdict: str) -> None:
    run = evaluated(tmp_path, champion=0.3, off_policy=log_says(rate))
    said = gate(run.url, champion_version=1, ledger=crowned)
    assert said["verdict"] == verdict
    rule = next(r for r in said["evidence"]["rules"] if r["name"] == "off_policy")
    assert rule["rows"] == 8_000
    assert (said["reasons"][0] == rule["text"]) == (verdict == "HOLD")


def test_evaluate_asks_the_lake(own_lake: Shop, tmp_path: Path) -> None:
    shop, hours = own_lake, (END - HOLDOUT_START) // timedelta(hours=1)
    for n in range(0, hours, 6):
        frame = random_impressions(n, views=1_500)
        shop.lake.land_hour("impressions", HOLDOUT_START + n * HOUR, frame)
    run_dir = f"{shop.settings.runs_root(MODEL)}/{shop.freeze()['run_key']}"
    build_dataset(run_dir, shop.settings)
    train(run_dir, "full_28d")
    registry = Versions(tmp_path / "versions")
    said = evaluate(run_dir, None, published=shop.published, registry=registry)
    assert said["off_policy"]["snips"]["lower"] > said["off_policy"]["logged"]["upper"]
    verdict = gate(run_dir, champion_version=None, ledger=shop.ledger)
    rule = next(r for r in verdict["evidence"]["rules"] if r["name"] == "off_policy")
    assert rule["verdict"] == "pass", rule["text"]
