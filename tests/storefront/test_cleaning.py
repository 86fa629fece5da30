"""What is left out of a sales log, line by line."""

from datetime import UTC, datetime

import polars as pl
import pytest

from evergreen.storefront.cleaning import RULES, clean
from evergreen.storefront.sales_log import COLUMNS, read_sales_log

NINE = datetime(2010, 12, 1, 9, 0, tzinfo=UTC)


def line(invoice="1", code="22086", quantity=1, price=2.5, at=NINE, customer="17850", text="MUG"):
    return (invoice, code, text, quantity, at, price, customer, "EIRE")


def log_of(*lines):
    return pl.DataFrame(list(lines), schema=COLUMNS, orient="row")


def dropped(*lines):
    return {rule: count for rule, count in clean(log_of(*lines)).dropped.items() if count}


def test_orders_have_the_columns_of_the_lake():
    cleaned = clean(log_of(line(code=" 85123a "), line(code="71053", quantity=4)))
    assert dict(cleaned.orders.schema) == {
        "order_time": pl.Datetime("us", "UTC"),
        "order_id": pl.String,
        "user_id": pl.String,
        "item_id": pl.String,
        "quantity": pl.Int32,
        "unit_price": pl.Float64,
        "country": pl.String,
        "line": pl.Int32,
    }
    assert cleaned.orders.rows() == [
        (NINE, "1", "17850", "85123A", 1, 2.5, "EIRE", 0),
        (NINE, "1", "17850", "71053", 4, 2.5, "EIRE", 1),
    ]
    assert cleaned.lines_read == 2
    assert list(cleaned.dropped) == list(RULES)
    assert not any(cleaned.dropped.values())


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (line(invoice=None), "missing value"),
        (line(code=None), "missing value"),
        (line(quantity=None), "missing value"),
        (line(price=None), "missing value"),
        (line(price=float("nan")), "missing value"),
        (line(at=None), "missing value"),
        (line(invoice="C536379", quantity=-1), "cancellation"),
        (line(invoice="c536379", quantity=-1), "cancellation"),
        (line(invoice="A563185", code="B"), "bad debt"),
        *((line(code=code), "not a product") for code in ("POST", "DOT", "M", "m", "D", "S", "C2")),
        *((line(code=code), "not a product") for code in ("BANK CHARGES", "AMAZONFEE", "PADS")),
        *((line(code=code), "not a product") for code in ("CRUK", "B", "gift_0001_20", "DCGS0003")),
        (line(quantity=0), "quantity"),
        (line(quantity=-80_995), "quantity"),
        (line(quantity=74_215), "quantity"),
        (line(price=0.0), "price"),
        (line(price=-11_062.06), "price"),
        (line(price=float("inf")), "price"),
    ],
)
def test_each_rule(bad, rule):
    assert dropped(line(code="71053"), bad) == {rule: 1}


def test_codes_that_only_begin_like_no_product_stay():
    assert dropped(line(code="D22086"), line(code="M"), line(code="MUG")) == {"not a product": 1}


def test_a_line_counts_for_the_first_rule_it_breaks():
    assert dropped(line(invoice="C1", code="POST", quantity=-1, price=0.0)) == {"cancellation": 1}


def test_missing_customer_description_and_country_stay():
    log = log_of(line(customer=None, text=None)).with_columns(
        pl.lit(None, pl.String).alias("Country")
    )
    orders = clean(log).orders
    assert orders["user_id"].to_list() == [None]
    assert orders["country"].to_list() == ["Unspecified"]


def test_an_exactly_equal_line_is_a_double_entry():
    cleaned = clean(log_of(line(quantity=2), line(code="71053"), line(quantity=2)))
    assert cleaned.dropped["exact duplicate"] == 1
    assert cleaned.orders["quantity"].to_list() == [2, 1]


def test_codes_that_differ_in_case_only_are_the_same_item():
    assert dropped(line(code="85123A"), line(code="85123a")) == {"exact duplicate": 1}


def test_an_item_named_twice_is_one_line_where_it_stood_first():
    cleaned = clean(
        log_of(
            line(quantity=1, price=4.0), line(code="71053"), line(quantity=3, price=2.0), line("2")
        )
    )
    assert cleaned.dropped["same item again"] == 1
    assert cleaned.orders.select(
        "order_id", "item_id", "quantity", "unit_price", "line"
    ).rows() == [
        ("1", "22086", 4, 2.5, 0),  # (1 x 4 + 3 x 2) / 4
        ("1", "71053", 1, 2.5, 1),
        ("2", "22086", 1, 2.5, 0),
    ]


def test_an_order_that_spans_two_minutes_has_its_first_lines_time():
    orders = clean(log_of(line(), line(code="71053", at=NINE.replace(minute=1)))).orders
    assert orders["order_time"].to_list() == [NINE, NINE]


def test_lines_count_from_zero_without_those_left_out():
    orders = clean(log_of(line(code="POST"), line(), line(code="71053"))).orders
    assert orders["line"].to_list() == [0, 1]


def test_orders_are_sorted_by_time_and_stay_together():
    eight = NINE.replace(hour=8)
    orders = clean(
        log_of(
            line("2"), line("1", at=eight), line("3"), line("2", code="71053"), line("3", code="1")
        )
    ).orders
    assert orders["order_id"].to_list() == ["1", "2", "2", "3", "3"]


def test_an_empty_log_is_no_orders():
    cleaned = clean(log_of())
    assert cleaned.orders.is_empty()
    assert sum(cleaned.dropped.values()) == 0


@pytest.mark.data
def test_the_real_half_year(real_log):
    cleaned = clean(read_sales_log(real_log))
    assert cleaned.lines_read == 245_903
    assert cleaned.dropped == {
        "missing value": 0,
        "cancellation": 4_494,
        "bad debt": 0,
        "not a product": 1_222,
        "exact duplicate": 1_991,
        "quantity": 755,
        "price": 710,
        "same item again": 1_814,
    }
    orders = cleaned.orders
    assert orders.height == 245_903 - sum(cleaned.dropped.values()) == 234_917
    assert orders.select("order_id", "item_id").is_unique().all()
    assert orders["order_time"].is_sorted()
    assert orders.group_by("order_id").agg(pl.col("order_time").n_unique())["order_time"].max() == 1
    assert not (orders["order_time"].dt.weekday() == 6).any()
    assert orders["unit_price"].min() > 0
    assert 0.2 < orders["user_id"].null_count() / orders.height < 0.3
