"""What is wrong with single impressions: each fault said once, to count it and to show its rows.

Text is kept as 64-bit hashes, which are quick to compare and take 8 bytes: two of a million ids
share one with a probability of 3e-8. Rows without a page view id belong to no page view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl

from evergreen.adapters.lake_tables import UTC_TIME
from evergreen.domain.windows import HOUR

HOUR_US = int(HOUR.total_seconds() * 1e6)
ODD = 0x9E37_79B9_7F4A_7C15  # spreads one of two ids over 64 bits, so that their sum tells both
OPTIONAL = ("user_id", "context_item_id", "propensity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What single rows are compared with; None where that is not known.

    Parameters:
        version: the model version whose rows are its *own*.
        versions: the model versions that may serve.
        items: hashes of the items that may be shown.
    """

    version: str | None = None
    versions: frozenset[str] | None = None
    items: pl.Series | None = None


class CodedRows:
    """The impressions of one hour, text as codes.

    Args:
        frame: Columns of `coding`.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    @cached_property
    def views(self) -> pl.DataFrame:
        """The page views: `view`, `rows`, the sum of the `marks` of its positions, a `user`."""
        marks = _marks(pl.col("position")).fill_null(0).sum().alias("marks")
        views = self.frame.lazy().filter(pl.col("view").is_not_null()).group_by("view")
        wanted = (pl.len().alias("rows"), marks, pl.col("user").min())
        return views.agg(*wanted).collect(engine="streaming")

    @cached_property
    def gaps(self) -> pl.Series:
        """The page views whose positions are not exactly 1 to n.

        Each position has a random mark of 64 bits, and the marks of 1 to n have one sum: others
        have it with a probability of 5e-20 a page view. That takes no sorting.
        """
        rows = self.views["rows"]
        most = int(self.views["rows"].max() or 0)  # type: ignore[arg-type]
        positions = pl.select(at=pl.int_range(1, most + 1, dtype=pl.Int32))
        sums = np.append(np.uint64(0), positions.select(_marks(pl.col("at")))["at"].to_numpy())
        whole = np.cumsum(sums, dtype=np.uint64)[rows.to_numpy()]
        return self.views["view"].filter(self.views["marks"].to_numpy() != whole)

    @cached_property
    def duplicate_positions(self) -> pl.Series:
        """Rows whose page view and position an earlier row of the hour has."""
        if not self.gaps.len():
            return self._none()
        at = pl.col("position").fill_null(0).cast(pl.Int64).reinterpret(signed=False)
        return self._repeated(at)

    @cached_property
    def repeated_items(self) -> pl.Series:
        """Rows whose page view and item an earlier row of the hour has."""
        return self._repeated(pl.col("item"))

    @cached_property
    def position_gaps(self) -> pl.Series:
        """Rows of the page views whose positions are not exactly 1 to n."""
        if not self.gaps.len():
            return self._none()
        return self.frame["view"].is_in(self.gaps.implode()).fill_null(value=False)

    def broken(self, fact: str) -> pl.Series:
        """Return which rows break a fact of `ROW_FACTS`, [rows]."""
        how = ROW_FACTS[fact]
        if isinstance(how, pl.Expr):
            return self.frame.select(broken=how)["broken"]
        return how(self)

    def counts(self) -> dict[str, int]:
        """Return how often each fact of `ROW_FACTS` is broken: rows, or page views."""
        simple = {fact: how.sum() for fact, how in ROW_FACTS.items() if isinstance(how, pl.Expr)}
        found = self.frame.select(**simple).row(0, named=True)
        for fact, how in ROW_FACTS.items():
            if fact not in simple:
                broken = how(self)  # type: ignore[operator]
                of_views = fact in COUNTED_IN_VIEWS and broken.any()
                found[fact] = self._views_of(broken) if of_views else int(broken.sum())
        return {fact: found[fact] for fact in ROW_FACTS}

    def _repeated(self, other: pl.Expr) -> pl.Series:
        known = pl.col("view").is_not_null()
        keys = self.frame.select(key=pl.when(known).then(pl.col("view") * ODD + other))["key"]
        ranked = np.sort(keys.drop_nulls().to_numpy())
        if not (ranked[1:] == ranked[:-1]).any():
            return self._none()  # mostly so, and a third of the time
        return ~keys.is_first_distinct() & keys.is_not_null()

    def _none(self) -> pl.Series:
        return pl.repeat(value=False, n=self.frame.height, eager=True)

    def _views_of(self, broken: pl.Series) -> int:
        return self.frame["view"].filter(broken).n_unique()


OUTSIDE_HOUR = ~pl.col("at_us").is_between(0, HOUR_US - 1).fill_null(value=False)
ROW_FACTS: Mapping[str, pl.Expr | Callable[[CodedRows], pl.Series]] = {
    "outside_hour": OUTSIDE_HOUR,
    "null_ids": pl.col("view").is_null() | pl.col("item").is_null(),
    "duplicate_positions": lambda rows: rows.duplicate_positions,
    "repeated_items": lambda rows: rows.repeated_items,
    "position_gaps": lambda rows: rows.position_gaps,
    "clicked_unshown": pl.col("clicked").fill_null(value=False)
    & (pl.col("position").fill_null(0) < 1),
    "propensity_outside": ~((pl.col("propensity") > 0) & (pl.col("propensity") <= 1)).fill_null(
        value=True
    ),
    "unknown_versions": ~pl.col("known_version"),
    "unknown_source": ~pl.col("known_source"),
    "unseen_items": ~pl.col("known_item"),
    "user_missing": pl.col("user").is_null(),
    "score_missing": pl.col("by_model") & ~pl.col("score").is_finite().fill_null(value=False),
}
"""Which impressions break a fact. Counts of some are told as a share of rows."""
COUNTED_IN_VIEWS = frozenset({"position_gaps"})


def coding(types: Mapping[str, pl.DataType], hour: datetime, compared: Compared) -> list[pl.Expr]:
    """Return the expressions that make an hour's coded rows from canonical columns.

    Parameters:
        types: the columns that there are.
    """
    version = pl.col("model_version").cast(pl.String)
    by_model = (pl.col("source").cast(pl.String) == "model").fill_null(value=False)
    own = by_model if compared.version is None else by_model & (version == compared.version)
    moment = pl.col("event_time").cast(UTC_TIME).dt.epoch("us") - int(hour.timestamp() * 1e6)
    absent = pl.lit(None, pl.Float32)
    return [
        moment.alias("at_us"),
        id_of("page_view_id", types).alias("view"),
        id_of("item_id", types).alias("item"),
        id_of("user_id", types).alias("user"),
        pl.col("position").cast(pl.Int32, strict=False),
        pl.col("clicked").cast(pl.Boolean),
        by_model.alias("by_model"),
        own.fill_null(value=False).alias("own"),
        _among(pl.col("source").cast(pl.String), ("model", "fallback")).alias("known_source"),
        _among(version, compared.versions).alias("known_version"),
        _known_item(types, compared.items).alias("known_item"),
        pl.col("score").cast(pl.Float32, strict=False),
        (
            pl.col("propensity").cast(pl.Float32, strict=False) if "propensity" in types else absent
        ).alias("propensity"),
    ]


def id_of(column: str, types: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the hash of each id; null where it is null or empty, or there is no such column."""
    if column not in types:
        return pl.lit(None, pl.UInt64)
    text = pl.col(column).cast(pl.String)
    return pl.when(text != "").then(text.hash())


def _marks(position: pl.Expr) -> pl.Expr:
    """Return 64 bits that a position draws, always the same."""
    return pl.when(position.is_not_null()).then(position.hash())


def _among(column: pl.Expr, known: frozenset[str] | Sequence[str] | None) -> pl.Expr:
    if known is None:
        return pl.lit(value=True)
    return column.is_in(sorted(known)).fill_null(value=False)


def _known_item(types: Mapping[str, pl.DataType], items: pl.Series | None) -> pl.Expr:
    if items is None:
        return pl.lit(value=True)
    return id_of("item_id", types).is_in(items.implode()).fill_null(value=True)
