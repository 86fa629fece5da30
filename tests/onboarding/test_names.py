"""Own names find their place by name and type; what stays open is named with what comes near."""

from __future__ import annotations

import polars as pl
import pytest

from evergreen.adapters.lake_tables import IMPRESSIONS, ORDERS, UTC_TIME
from evergreen.onboarding.names import name_columns

THEIRS: dict[str, pl.DataType] = {
    "ts": UTC_TIME,
    "requestId": pl.String(),
    "sku": pl.String(),
    "rank": pl.Int64(),
    "prediction": pl.Float64(),
    "model_version": pl.String(),
    "is_click": pl.Boolean(),
    "source": pl.String(),
    "price": pl.Float32(),
}


def test_the_contract_s_own_names_need_no_mapping() -> None:
    found = name_columns(IMPRESSIONS, dict(IMPRESSIONS.required), {})
    assert found.renamed == {}
    assert found.missing == ()
    assert found.features == {}


def test_other_systems_words_are_known() -> None:
    found = name_columns(IMPRESSIONS, THEIRS, {})
    assert found.renamed == {
        "event_time": "ts",
        "page_view_id": "requestId",
        "item_id": "sku",
        "position": "rank",
        "score": "prediction",
        "clicked": "is_click",
    }
    assert found.missing == ()
    assert list(found.features) == ["price"]


def test_a_name_that_holds_the_contract_s_is_taken_last() -> None:
    schema = {**dict(IMPRESSIONS.required), "shop_item_id": pl.String()}
    del schema["item_id"]
    assert name_columns(IMPRESSIONS, schema, {}).own["item_id"] == "shop_item_id"
    with_word = {"shop_item_id": pl.String(), **schema, "sku": pl.String()}
    assert name_columns(IMPRESSIONS, with_word, {}).own["item_id"] == "sku"


def test_what_a_person_says_wins() -> None:
    schema = {**THEIRS, "article": pl.String()}
    found = name_columns(IMPRESSIONS, schema, {"item_id": "article"})
    assert found.own["item_id"] == "article"
    assert "sku" in found.features


@pytest.mark.parametrize(
    ("column", "kind", "said"),
    [
        (
            "ts",
            pl.Datetime("us"),
            "impressions.event_time (timestamp, UTC); nearest: "
            "ts (is timestamp, without a time zone)",
        ),
        ("is_click", pl.Int64(), "impressions.clicked (Boolean); nearest: is_click (is Int64)"),
    ],
)
def test_a_wrong_type_is_not_taken_and_is_said(column: str, kind: pl.DataType, said: str) -> None:
    found = name_columns(IMPRESSIONS, {**THEIRS, column: kind}, {})
    (missing,) = found.missing
    assert str(missing).startswith(said)


def test_nothing_takes_the_name_of_a_column_that_is_there_and_wrong() -> None:
    """Renaming sku to item_id beside another item_id would give two columns of one name."""
    found = name_columns(IMPRESSIONS, {**THEIRS, "item_id": pl.Int64()}, {"item_id": "sku"})
    (missing,) = found.missing
    assert str(missing).startswith("impressions.item_id (String); nearest: item_id (is Int64)")
    assert "item_id" not in found.own


def test_an_optional_column_of_a_wrong_type_is_open_too() -> None:
    found = name_columns(IMPRESSIONS, {**THEIRS, "user_id": pl.Int64()}, {})
    assert [column.name for column in found.missing] == ["user_id"]


def test_every_missing_column_is_named() -> None:
    found = name_columns(ORDERS, {"basket": pl.String(), "what": pl.String()}, {})
    assert [column.name for column in found.missing] == [
        "order_time",
        "item_id",
        "quantity",
        "unit_price",
    ]
    assert found.own == {"order_id": "basket"}


def test_a_column_that_was_named_and_cannot_be_read_is_not_replaced_by_a_guess() -> None:
    schema = {**THEIRS, "sku": pl.Int64(), "product": pl.String()}
    found = name_columns(IMPRESSIONS, schema, {"item_id": "sku"})
    assert "item_id" not in found.own
    assert [column.name for column in found.missing] == ["item_id"]
