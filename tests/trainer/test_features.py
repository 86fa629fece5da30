"""Features of a five-basket shop worked out by hand, and none of them knows the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from made_shop import DAYS, END, MODEL, START, make_orders

from evergreen.adapters.lake_tables import UTC_TIME
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import ModelSpecInvalid
from evergreen.trainer.model_code import code_digest, load_code

CODE = load_code(PROJECT / "include" / "models", MODEL)
AS_OF = datetime(2011, 5, 2, 12, tzinfo=UTC)  # a Monday: hour 12 of the week
DAY = timedelta(days=1)


def lines(*rows: tuple[datetime, str, str, float]) -> pl.DataFrame:
    names = ["order_time", "order_id", "item_id", "unit_price"]
    return pl.DataFrame(rows, schema=names, orient="row").cast({"order_time": UTC_TIME})


def basket(age: timedelta, order: str, **prices: float) -> list[tuple[datetime, str, str, float]]:
    return [(AS_OF - age, order, item, price) for item, price in prices.items()]


FIVE = lines(
    *basket(timedelta(hours=1), "o1", a=2.0, b=5.0),
    *basket(DAY, "o2", a=4.0, b=5.0, c=1.0),  # 24 hours ago is within the last 24 hours
    *basket(3 * DAY, "o3", a=2.0, c=3.0),
    *basket(10 * DAY, "o4", b=5.0, a=2.0),
    *basket(27 * DAY, "o5", e=3.0),
)
NOT_SEEN = lines(
    *basket(timedelta(0), "now", a=99.0, d=1.0),
    *basket(-DAY, "later", a=99.0, c=1.0),
    *basket(28 * DAY + timedelta(microseconds=1), "long ago", a=99.0, b=1.0),
)


def at(orders: pl.DataFrame, moment: datetime = AS_OF, length: int = 5) -> pl.DataFrame:
    ((_, frame),) = CODE.candidates(orders, [moment], length=length)
    return frame


def row(frame: pl.DataFrame, context: str, item: str) -> dict[str, Any]:
    return frame.row(
        by_predicate=(pl.col("context_item_id") == context) & (pl.col("item_id") == item),
        named=True,
    )


@pytest.mark.parametrize("others", [FIVE.clear(), NOT_SEEN])
def test_five_baskets_by_hand(others: pl.DataFrame) -> None:
    """Baskets of two weigh 1/ln 3 = 0.910, of three 1/ln 4 = 0.721."""
    frame = at(pl.concat([FIVE, others]))
    wanted = {
        ("a", "b"): {
            "co_24h": 0.910 + 0.721,
            "co_7d": 0.910 + 0.721,
            "co_28d": 0.910 + 0.721 + 0.910,
            "co_count_28d": 3,
            "co_confidence_28d": 3 / 4,
            "co_lift_28d": 3 * 5 / (4 * 3),
            "co_trend": (2.631 / 7) / (3.541 / 28),
            "popularity_24h": 2,
            "popularity_7d": 2,
            "popularity_28d": 3,
            "popularity_trend": (3 / 7) / (4 / 28),
            "context_popularity_28d": 4,
            "days_since_first_sale": 9,
            "price": 5.0,
            "price_ratio": 2.5,  # a's median is 2
            "hour_of_week": 12,
        },
        ("c", "b"): {
            "co_24h": 0.721,
            "co_7d": 0.721,
            "co_28d": 0.721,
            "co_count_28d": 1,
            "co_confidence_28d": 1 / 2,
            "co_lift_28d": 1 * 5 / (2 * 3),
            "co_trend": 4,
            "popularity_24h": 2,
            "popularity_7d": 2,
            "popularity_28d": 3,
            "popularity_trend": 3,
            "context_popularity_28d": 2,
            "days_since_first_sale": 9,
            "price": 5.0,
            "price_ratio": 2.5,
            "hour_of_week": 12,
        },
        ("a", "e"): {  # never bought together: filled with what is popular
            "co_24h": 0,
            "co_7d": 0,
            "co_28d": 0,
            "co_count_28d": 0,
            "co_confidence_28d": 0,
            "co_lift_28d": 0,
            "co_trend": 4,
            "popularity_24h": 0,
            "popularity_7d": 0,
            "popularity_28d": 1,
            "popularity_trend": 2,
            "context_popularity_28d": 4,
            "days_since_first_sale": 26,
            "price": 3.0,
            "price_ratio": 1.5,
            "hour_of_week": 12,
        },
    }
    for (context, item), features in wanted.items():
        found = row(frame, context, item)
        assert list(features) == list(CODE.FEATURES)
        assert {n: found[n] for n in features} == pytest.approx(features, rel=1e-6)


def test_the_order_of_candidates() -> None:
    frame = at(FIVE)
    lists = {
        context: part["item_id"].to_list()
        for (context,), part in frame.partition_by("context_item_id", as_dict=True).items()
    }
    assert lists == {
        "a": ["b", "c", "e"],
        "b": ["a", "c", "e"],
        "c": ["a", "b", "e"],
        "e": ["a", "b", "c"],  # sold alone: what is popular
    }
    assert {str(dtype) for dtype in frame.dtypes[2:]} == {"Float32"}


def test_a_list_has_its_length() -> None:
    frame = at(make_orders(), END, length=6)
    sizes = frame.group_by("context_item_id").len()["len"]
    assert (sizes.min(), sizes.max()) == (6, 6)
    assert not frame.select("context_item_id", "item_id").is_duplicated().any()
    assert not (frame["context_item_id"] == frame["item_id"]).any()


def test_popular_items_by_hand() -> None:
    found = CODE.popular(pl.concat([FIVE, NOT_SEEN]), AS_OF, length=3)
    assert found["item_id"].to_list() == ["a", "b", "c"]
    assert found["rank"].to_list() == [1, 2, 3]
    assert found["score"].to_list() == pytest.approx([4 / 5, 3 / 5, 2 / 5])


def test_an_item_twice_in_a_basket_counts_once() -> None:
    twice = lines(*basket(DAY, "o", a=2.0, b=5.0), *basket(DAY, "o", a=2.0))
    assert row(at(twice), "a", "b")["co_count_28d"] == 1
    assert CODE.popular(twice, AS_OF, length=1)["score"].to_list() == [1.0]


def test_nothing_was_sold() -> None:
    assert at(FIVE.clear()).height == 0
    assert CODE.popular(FIVE.clear(), AS_OF, length=5).height == 0


def test_many_moments_are_each_one_alone() -> None:
    orders = make_orders()
    moments = [END - timedelta(days=d) for d in (9, 4, 2, 0)]
    made = dict(CODE.candidates(orders, moments, length=8))
    for moment in moments:
        assert made[moment].equals(at(orders, moment, length=8))


def test_only_the_contexts_that_are_wanted() -> None:
    orders = make_orders()
    wanted = {END: pl.Series(["i01", "i02", "never sold"])}
    ((_, few),) = CODE.candidates(orders, [END], length=8, contexts=wanted)
    every = at(orders, END, length=8)
    assert few.equals(every.filter(pl.col("context_item_id").is_in(["i01", "i02"])))


def perturbed(orders: pl.DataFrame, moment: datetime, seed: int = 3) -> pl.DataFrame:
    """Return orders with everything at or after a moment made anew."""
    rng = np.random.default_rng(seed)
    before = orders.filter(pl.col("order_time") < moment)
    after = orders.filter(pl.col("order_time") >= moment)
    return pl.concat(
        [
            before,
            after.sample(fraction=0.6, shuffle=True, seed=seed).with_columns(
                item_id=pl.Series(rng.choice(["i01", "i07", "new"], int(after.height * 0.6))),
                unit_price=pl.lit(777.0),
                order_time=pl.lit(moment, dtype=UTC_TIME),
            ),
        ]
    )


@pytest.mark.parametrize("days", [29, 33, 39])
def test_the_future_changes_nothing(days: int) -> None:
    orders, moment = make_orders(), START + timedelta(days=days)
    other = perturbed(orders, moment)
    assert not other.equals(orders)
    moments = [moment - 2 * DAY, moment, START + timedelta(days=DAYS)]
    one = dict(CODE.candidates(orders, moments, length=12))
    two = dict(CODE.candidates(other, moments, length=12))
    for earlier in moments[:2]:
        assert one[earlier].equals(two[earlier])
        popular = [CODE.popular(o, earlier, length=50) for o in (orders, other)]
        assert popular[0].equals(popular[1])
    assert not one[moments[2]].equals(two[moments[2]])


def test_an_order_that_goes_on_after_the_moment() -> None:
    """Lines of one order may come at different times; a moment may lie between them."""
    late = lines(*basket(timedelta(0), "o1", c=1.0, e=1.0), *basket(-DAY, "o2", e=1.0))
    ((_, alone),) = CODE.candidates(FIVE, [AS_OF], length=5)
    made = dict(CODE.candidates(pl.concat([FIVE, late]), [AS_OF, AS_OF + 2 * DAY], length=5))
    assert made[AS_OF].equals(alone)


# The module itself


def test_code_that_does_not_do(tmp_path: Any) -> None:
    path = tmp_path / MODEL / "features.py"
    path.parent.mkdir()
    with pytest.raises(ModelSpecInvalid, match=r"features.py: No such file .*needs one"):
        load_code(tmp_path, MODEL)
    path.write_text("FEATURES = ()\n")
    with pytest.raises(ModelSpecInvalid, match=r"does not define candidates, popular"):
        load_code(tmp_path, MODEL)
    path.write_text("import nosuchmodule\n")
    with pytest.raises(ModelSpecInvalid, match=r"does not import: ModuleNotFoundError"):
        load_code(tmp_path, MODEL)
    before = code_digest(tmp_path, MODEL)
    path.write_text("import nosuchmodule  # still not\n")
    assert code_digest(tmp_path, MODEL) != before
