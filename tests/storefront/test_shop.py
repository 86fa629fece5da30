"""The built-in shop is dirty like a real one, and turns its collection over at one time."""

import polars as pl
import pytest

from evergreen.storefront import shop
from evergreen.storefront.cleaning import clean
from evergreen.storefront.sales_log import COLUMNS


@pytest.fixture(scope="module")
def log():
    return shop.built_in_log(7)


@pytest.fixture(scope="module")
def orders(log):
    cleaned = clean(log).orders
    return cleaned.with_columns((pl.col("order_time") - shop.START).dt.total_days().alias("day"))


def test_same_seed_same_log(log):
    assert dict(log.schema) == COLUMNS
    assert log.equals(shop.built_in_log(7))
    assert not log.equals(shop.built_in_log(8))


def test_it_is_as_large_and_as_dirty_as_promised(log, orders):
    assert 60_000 < log.height < 120_000
    assert orders["user_id"].n_unique() > 2_000
    dropped = clean(log).dropped
    for rule in ("cancellation", "not a product", "exact duplicate", "quantity"):
        assert dropped[rule] > 0, rule
    assert 0.1 < log["CustomerID"].null_count() / log.height < 0.2


def test_it_is_half_a_year_without_saturdays_and_nights(orders):
    assert orders["day"].min() == 0
    assert orders["day"].max() == shop.DAYS - 1
    assert shop.START.weekday() == 0
    assert not (orders["order_time"].dt.weekday() == 6).any()
    assert orders["order_time"].dt.hour().is_between(7, 19).all()
    assert not orders["day"].is_in(shop.CLOSED_DAYS).any()


def unknown_share(orders, known_until, first, last):
    """Return the share of lines on days [first, last) whose item sold in no day before."""
    known = orders.filter(pl.col("day") < known_until)["item_id"].unique()
    later = orders.filter(pl.col("day").is_between(first, last, closed="left"))
    return 1 - later["item_id"].is_in(known.implode()).mean()


def test_little_is_unknown_before_the_change_and_most_after_it(orders):
    change = shop.CHANGE_DAY
    assert unknown_share(orders, change - 56, change - 7, change) < 0.12
    assert unknown_share(orders, change, change + 7, change + 14) > 0.45
    assert unknown_share(orders, change + 14, change + 14, change + 28) < 0.08


def test_items_of_one_theme_are_bought_together(orders):
    themes = orders.with_columns((pl.col("item_id").cast(pl.Int64) // 100).alias("theme"))
    top_two = (
        themes.group_by("order_id", "theme")
        .len()
        .sort("len", descending=True)
        .group_by("order_id")
        .agg(pl.col("len").head(2).sum())["len"]
        .sum()
    )
    assert top_two / orders.height > 0.8
