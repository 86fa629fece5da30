"""What lists earn on baskets of a holdout, by hand: clicks, clusters, slices, profile."""

from __future__ import annotations

from datetime import timedelta
from math import log2

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from made_lists import offered
from made_shop import HOLDOUT_START

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.windows import Window
from evergreen.trainer.holdout import Holdout
from evergreen.trainer.reference import expected_profile, gain_importance


def baskets(**items: str) -> pl.DataFrame:
    rows = [(o, i, n) for o, text in items.items() for n, i in enumerate(text)]
    orders = pl.DataFrame(rows, schema=["order_id", "item_id", "line"], orient="row")
    return orders.with_columns(order_time=pl.lit(HOLDOUT_START))


def test_a_holdout_by_hand() -> None:
    """Basket x: a b c. Basket y: d. Looking at a one sees z, b; at b: p, c; at c and d: p, q."""
    holdout = Holdout(baskets(x="abc", y="d"), k=2)
    lists = offered(("a", "z", 1), ("a", "b", 2), ("b", "a", 1), popular=("p", "c", "q"))
    found = holdout.outcome(lists)
    # of a: z, b (clicked); two to find: (1/log2 3) / (1 + 1/log2 3)
    # of b: a is in the basket, so p, c (clicked); one to find: 1/log2 3
    assert found.hit.tolist() == [1.0, 1.0]
    second = 1 / log2(3)
    assert found.ndcg.tolist() == pytest.approx([second / (1 + second), second])
    # of c: c is in the basket, so p, q; of d: p, c; neither has anything to find
    assert found.impressions == 8
    assert found.ctr == 2 / 8
    assert found.fallback_share == 6 / 8
    by_model = found.shown.filter(pl.col("source") == "model")
    assert by_model.select("page_view_id", "item_id", "position", "score", "price").rows() == [
        ("x-0", "z", 1, 0.5, 1.0),
        ("x-0", "b", 2, 0.25, 1.0),
    ]
    assert found.shown["page_view_id"].to_list() == [
        v for v in ("x-0", "x-1", "x-2", "y-0") for _ in "ab"
    ]
    assert found.shown.filter("clicked")["item_id"].to_list() == ["b", "c"]
    assert holdout.clusters().to_list() == ["x", "x"]


def test_the_profile_of_what_was_and_will_be_shown() -> None:
    """CTR and `source` are those of the holdout, features those of the lists to be published."""
    holdout = Holdout(baskets(x="abc", y="d"), k=2)
    earned = holdout.outcome(offered(("a", "z", 1), ("a", "b", 2), popular=("p", "c", "q"))).shown
    published = holdout.outcome(offered(("a", "b", 1), ("d", "a", 2), popular=("p", "q"))).shown
    spec = ModelSpec.model_validate(
        {"model": "m", "description": "", "owner": "", "features": {"numeric": ["price", "gone"]}}
    )
    window = Window(HOLDOUT_START, HOLDOUT_START + timedelta(days=1))
    profile = expected_profile(
        earned,
        published.with_columns(clicked=pl.lit(True)),  # they have seen the clicks
        holdout=window,
        window=window,
        spec=spec,
        importance={"price": 1.0, "gone": 0.0},
    )
    assert profile.ctr is not None
    assert (profile.ctr.rate, profile.ctr.impressions, profile.ctr.hours) == (0.25, 8, 1)
    by_model = published.filter(pl.col("source") == "model").height
    assert profile.columns["source"].counts == (2, 6, 0, 0)
    assert sum(profile.columns["price"].counts) == by_model == 2
    assert profile.columns["gone"].counts == (0, 0)
    assert {name: column.importance for name, column in profile.columns.items()} == {
        "source": 1.0,
        "score": 1.0,
        "price": 1.0,
        "gone": 0.0,
    }


def test_gain_importance_sums_to_one() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3)).astype(np.float32)
    x[:, 2] = 1.0  # nothing to split on
    y = (x[:, 0] + 0.3 * x[:, 1] > 0).astype(np.float32)
    data = xgb.DMatrix(x, y, feature_names=["a", "b", "same"])
    booster = xgb.train({"max_depth": 2, "seed": 7}, data, 5)
    found = gain_importance(booster, ["a", "b", "same"])
    assert sum(found.values()) == pytest.approx(1.0)
    assert found["a"] > found["b"] > found["same"] == 0.0
    stump = xgb.train({"max_depth": 1, "gamma": 1e9}, data, 1)  # splits on nothing at all
    assert gain_importance(stump, ["a", "b"]) == {"a": 0.0, "b": 0.0}


def test_users_are_clusters_where_they_are_known() -> None:
    orders = baskets(x="ab", y="ab", z="ab").with_columns(
        user_id=pl.Series([None, None, "7", "7", "7", "7"])
    )
    assert Holdout(orders, k=1).clusters().to_list() == ["x", "user 7", "user 7"]


def test_nothing_is_offered() -> None:
    found = Holdout(baskets(x="ab"), k=2).outcome(offered())
    assert (found.ctr, found.impressions, found.fallback_share) == (0.0, 0, 1.0)
    assert (found.hit.tolist(), found.ndcg.tolist()) == ([0.0], [0.0])


def test_no_basket_gains_an_item() -> None:
    found = Holdout(baskets(x="a", y="b"), k=2).outcome(offered(popular=("c",)))
    assert found.hit.size == 0
    assert found.impressions == 2


def test_what_the_gate_cuts_slices_by() -> None:
    """An order's own column, or a feature of the item that is looked at; else it is left out."""
    orders = baskets(x="abc", y="d").with_columns(country=pl.lit("GB"))
    candidates = pl.DataFrame(
        {"context_item_id": ["a", "a", "c"], "item_id": ["b", "c", "a"], "known": [1.0, 3.0, 9.0]}
    )
    found = Holdout(orders, k=2).slices(("country", "known", "gone"), candidates)
    assert found.columns == ["slice_country", "slice_known"]
    assert found.rows() == [("GB", 2.0), ("GB", None)]  # of a and b: the views that count


def test_an_item_that_the_lists_do_not_know_is_unseen() -> None:
    found = Holdout(baskets(x="abc"), k=1).outcome(offered(("a", "b", 1), popular=("c",)))
    assert found.unseen.tolist() == [False, True]
    assert found.summary()["unseen_share"] == 0.5
    assert found.scored().rows() == [
        (0, "b", 0.5, "model", True),
        (1, "c", pytest.approx(0.1), "fallback", True),
    ]
