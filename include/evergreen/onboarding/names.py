"""Which of a table's own columns is which column of the contract: by name and by type.

A name that is the contract's own wins; then the words that other systems use; then a name that
holds the contract's own as a word. Each own column is taken once, and only where its type can be
read. What stays open is named with the nearest names, for a person to say.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from evergreen.adapters.lake_tables import Table, reads_as

WORDS: Mapping[str, tuple[str, ...]] = {
    "event_time": ("timestamp", "ts", "time", "shown_at", "impression_time", "event_timestamp"),
    "page_view_id": ("request_id", "pageview_id", "view_id", "impression_group", "query_id"),
    "item_id": ("sku", "product_id", "article_id", "item", "product", "stock_code", "asin"),
    "position": ("rank", "slot", "pos", "place"),
    "score": ("prediction", "predicted_score", "model_score", "p_click", "pctr"),
    "model_version": ("version", "model", "policy", "model_id"),
    "clicked": ("click", "is_click", "label", "clicks", "was_clicked"),
    "source": ("origin", "served_by", "provenance"),
    "user_id": ("customer_id", "visitor_id", "client_id", "uid", "user"),
    "context_item_id": ("anchor_id", "context_item", "seed_item_id", "source_item_id"),
    "propensity": ("propensity_score", "pscore", "action_prob"),
    "order_time": ("timestamp", "ts", "time", "ordered_at", "created_at", "invoice_date"),
    "order_id": ("basket", "basket_id", "invoice", "invoice_no", "transaction_id", "cart_id"),
    "quantity": ("qty", "amount", "count", "units"),
    "unit_price": ("price", "item_price", "price_each"),
    "country": ("country_code", "market", "region"),
    "line": ("line_number", "line_no", "position_in_basket"),
}
NEAREST = 3
NEAR = 0.4  # difflib's ratio; below it two names have nothing in common


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenColumn:
    """A required column for which nothing was found.

    Parameters:
        nearest: own names that come nearest, with why each was not taken.
    """

    table: str
    name: str
    wanted: str
    nearest: tuple[str, ...]

    def __str__(self) -> str:
        near = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        return f"{self.table}.{self.name} ({self.wanted}){near}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedColumns:
    """A table's columns by the contract's names.

    Parameters:
        own: contract name to own name; only of columns that are there.
        missing: required ones for which nothing was found.
        features: own columns that the contract does not know, with their types.
    """

    own: Mapping[str, str]
    missing: tuple[OpenColumn, ...]
    features: Mapping[str, pl.DataType]

    @property
    def renamed(self) -> dict[str, str]:
        """Those that the lake calls otherwise: what `columns:` in `model.yaml` says."""
        return {name: own for name, own in self.own.items() if name != own}


def name_columns(
    table: Table, schema: Mapping[str, pl.DataType], given: Mapping[str, str]
) -> NamedColumns:
    """Return which own column is which.

    Args:
        table: The contract.
        schema: Own names and types.
        given: What a person said: contract name to own name; it wins. Names that the table has not
            are passed over: a mapping holds for both tables.

    A column that has the contract's name, or was given for it, and cannot be read is open, optional
    or not: nothing else can take its name.
    """
    known = {**table.required, **table.optional}
    meant = {n: given.get(n, n) for n in known}
    broken = {n for n, c in meant.items() if c in schema and not reads_as(schema[c], known[n])}
    own: dict[str, str] = {}
    for guess in (_given(given), _same, _word, _holds):
        for name, wanted in known.items():
            if name in own or name in broken:
                continue
            free = [c for c in schema if c not in own.values() and _may_be(name, c, schema)]
            fitting = [c for c in free if guess(name, c) and reads_as(schema[c], wanted)]
            if fitting:
                own[name] = fitting[0]
    missing = tuple(
        OpenColumn(table=table.name, name=n, wanted=_said(w), nearest=_nearest(n, w, schema))
        for n, w in known.items()
        if n in broken or (n in table.required and n not in own)
    )
    rest = {c: kind for c, kind in schema.items() if c not in own.values()}
    return NamedColumns(own=own, missing=missing, features=rest)


def _given(given: Mapping[str, str]) -> Callable[[str, str], bool]:
    return lambda name, column: given.get(name) == column


def _may_be(name: str, column: str, schema: Mapping[str, pl.DataType]) -> bool:
    """Say whether a column may be read under this name: not beside one that has it already."""
    return column == name or name not in schema


def _same(name: str, column: str) -> bool:
    return _plain(column) == _plain(name)


def _word(name: str, column: str) -> bool:
    return _plain(column) in {_plain(word) for word in WORDS.get(name, ())}


def _holds(name: str, column: str) -> bool:
    return f"_{name}_" in f"_{_snake(column)}_"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _snake(text: str) -> str:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def _nearest(name: str, wanted: pl.DataType, schema: Mapping[str, pl.DataType]) -> tuple[str, ...]:
    words = (name, *WORDS.get(name, ()))

    def likeness(column: str) -> float:
        plain = _plain(column)
        return max(difflib.SequenceMatcher(None, plain, _plain(w)).ratio() for w in words)

    ranked = sorted(schema, key=lambda column: (-likeness(column), column))
    near = [column for column in ranked if likeness(column) >= NEAR][:NEAREST]
    return tuple(
        f"{c} ({'' if reads_as(schema[c], wanted) else 'is '}{_said(schema[c])})" for c in near
    )


def _said(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Datetime):
        return f"timestamp, {kind.time_zone or 'without a time zone'}"
    return str(kind)
