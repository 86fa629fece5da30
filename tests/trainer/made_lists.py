"""Lists as a publish step leaves them, by hand."""

from __future__ import annotations

import polars as pl

from evergreen.trainer.holdout import Offered


def offered(*rows: tuple[str, str, int], popular: tuple[str, ...] = ()) -> Offered:
    names = ["context_item_id", "item_id", "rank"]
    types = {"context_item_id": pl.String, "item_id": pl.String, "rank": pl.Int16}
    frame = pl.DataFrame(rows, schema=names, orient="row", schema_overrides=types)
    ranks = pl.Series("rank", range(1, len(popular) + 1), dtype=pl.Int16)
    return Offered(
        recommendations=frame.with_columns(score=0.5 / pl.col("rank"), price=1.0).cast(
            {"score": pl.Float32, "price": pl.Float32}
        ),
        popular=pl.DataFrame(
            {"item_id": pl.Series(popular, dtype=pl.String), "rank": ranks}
        ).select("item_id", "rank", score=pl.lit(0.1, dtype=pl.Float32)),
    )
