"""The lake's tables: which columns each has and of what type (design, section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from evergreen.domain.errors import ColumnMissing, ColumnTypeWrong

UTC_TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table's contract: its time column, what every file must have, what it may have."""

    name: str
    time: str
    required: Mapping[str, pl.DataType]
    optional: Mapping[str, pl.DataType]

    def check(self, schema: Mapping[str, pl.DataType], where: str) -> None:
        """Raise the named error of the first column that breaks the contract.

        Raises:
            ColumnMissing: a required column is absent.
            ColumnTypeWrong: a known column cannot be read as its type without loss.
        """
        for column, wanted in self.required.items():
            if column not in schema:
                near = ", ".join(sorted(schema)[:12])
                raise ColumnMissing(
                    f"{where} has no column {column!r} ({wanted}); it has: {near}. "
                    f"Write it, or map its name under columns: in model.yaml"
                )
        for column, wanted in {**self.required, **self.optional}.items():
            found = schema.get(column, wanted)
            if not reads_as(found, wanted):
                raise ColumnTypeWrong(
                    f"{where}: column {column!r} is {found}, expected {wanted}; "
                    f"write the hour again with the right type"
                )

    def cast(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with every known column in its canonical type, unknown ones kept."""
        known = {**self.required, **self.optional}
        casts = [
            pl.col(name).cast(known[name])
            for name, found in frame.schema.items()
            if name in known and found != known[name]
        ]
        return frame.with_columns(casts) if casts else frame

    def empty(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the table without rows; columns that it does not know are features, float32."""
        known: dict[str, pl.DataType] = {**self.required, **self.optional}
        return pl.DataFrame(
            schema={name: known.get(name, pl.Float32()) for name in columns or known}
        )


def reads_as(found: pl.DataType, wanted: pl.DataType) -> bool:
    """Say whether a file's type can be read as the contract's, within the same kind."""
    if found == wanted or found == pl.Null:
        return True
    if isinstance(wanted, pl.Datetime):
        return isinstance(found, pl.Datetime) and found.time_zone == wanted.time_zone
    if wanted == pl.String:
        return isinstance(found, pl.Categorical | pl.Enum)
    if wanted.is_integer():
        return found.is_integer()
    return wanted.is_float() and found.is_numeric()


IMPRESSIONS = Table(
    name="impressions",
    time="event_time",
    required={
        "event_time": UTC_TIME,
        "page_view_id": pl.String(),
        "item_id": pl.String(),
        "position": pl.Int8(),
        "score": pl.Float32(),
        "model_version": pl.String(),
        "clicked": pl.Boolean(),
        "source": pl.String(),
    },
    optional={
        "user_id": pl.String(),
        "context_item_id": pl.String(),
        "propensity": pl.Float32(),
    },
)

ORDERS = Table(
    name="orders",
    time="order_time",
    required={
        "order_time": UTC_TIME,
        "order_id": pl.String(),
        "item_id": pl.String(),
        "quantity": pl.Int32(),
        "unit_price": pl.Float64(),
    },
    optional={"user_id": pl.String(), "country": pl.String(), "line": pl.Int32()},
)

TABLES = {table.name: table for table in (IMPRESSIONS, ORDERS)}
