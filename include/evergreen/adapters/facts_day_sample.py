"""What is kept of the sampled rows of every hour until the day has been read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import polars as pl

from evergreen.adapters.facts_hour import HourFound
from evergreen.adapters.facts_sample import KEPT_OF_DAY, KEPT_OF_HOUR, PLACE, plain, sample_schema
from evergreen.domain.quality import DAY_SCOPE

SCOPE = "scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySample:
    """The kept rows of a day, with their `scope`.

    Parameters:
        hours: hour's key to all the rows it has.
    """

    rows: pl.DataFrame
    hours: Mapping[str, int]

    @classmethod
    def of(cls, hours: Iterable[HourFound], features: Mapping[str, pl.DataType]) -> Self:
        """Return the rows that the hours kept."""
        sampled = {h.counts[SCOPE]: h for h in hours if h.sample is not None}
        parts = [pl.DataFrame(schema={**sample_schema(features), SCOPE: pl.String})]
        for scope, hour in sampled.items():
            if hour.sample is not None:
                parts.append(hour.sample.with_columns(pl.lit(scope).alias(SCOPE)))
        return cls(
            rows=pl.concat(parts), hours={scope: h.counts["rows"] for scope, h in sampled.items()}
        )

    @property
    def of_rows(self) -> int:
        """Rows of the day that this is a sample of."""
        return sum(self.hours.values())

    def plain(self) -> pl.DataFrame:
        """Return at most 10,000 rows as a plain sample has them: `scope`, `subject`, the rows."""
        few = plain(self.rows, KEPT_OF_DAY, self.of_rows)
        return few.select(SCOPE, pl.lit("").alias("subject"), pl.exclude(SCOPE, PLACE, "own"))

    def own_by_scope(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the plain sample's own rows of every hour and of the day."""
        for scope, rows in self.hours.items():
            of_hour = self.rows.filter(pl.col(SCOPE) == scope)
            yield scope, plain(of_hour, KEPT_OF_HOUR, rows).filter("own")
        yield DAY_SCOPE, plain(self.rows, KEPT_OF_DAY, self.of_rows).filter("own")
