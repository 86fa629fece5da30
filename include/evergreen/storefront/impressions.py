"""The impressions of a stretch of the log: what its page views showed, and what was clicked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from evergreen.domain.serving import BasketIndex, PageViews, Shown, show
from evergreen.storefront.offers import LogCodes, Offer, Offers

SHOWN = 5
"""Items on a page."""


def serve(
    rows: pl.DataFrame,
    log: LogCodes,
    lines: slice,
    *,
    index: BasketIndex,
    offers: Offers,
    features: Sequence[str] = (),
) -> pl.DataFrame:
    """Return the lake's impressions of these lines, by time, page view and position.

    Parameters:
        rows: the lines as `orders` rows, in time order.
        log: the whole log as codes.
        lines: where the rows stand in it.
        index: every basket of the log.
        offers: makes the candidate lists.
        features: columns to have at least; null where nothing was served from them.
    """
    offer = offers.offer(log, lines)
    views = PageViews(basket=log.basket[lines], line=log.line[lines], row=offer.row)
    frame = _logged(rows, show(index, views, offer.lists, SHOWN), offer, log.items)
    absent = [pl.lit(None, pl.Float32).alias(f) for f in features if f not in frame.columns]
    return frame.with_columns(absent)


def _logged(rows: pl.DataFrame, shown: Shown, offer: Offer, items: pl.Series) -> pl.DataFrame:
    view, slot = np.nonzero(shown.item >= 0)
    entry = offer.entries[offer.row[view], shown.rank_in_list[view, slot]]
    served = offer.table[entry]
    page = rows.select(
        pl.col("order_time").alias("event_time"),
        pl.format("{}-{}", "order_id", "line").alias("page_view_id"),
        "user_id",
        pl.col("item_id").alias("context_item_id"),
    )[view]
    return page.with_columns(
        items[shown.item[view, slot]].alias("item_id"),
        pl.Series("position", slot + 1, dtype=pl.Int8),
        served["score"],
        pl.lit(None, pl.Float32).alias("propensity"),
        pl.lit(offer.model_version).alias("model_version"),
        pl.Series("clicked", shown.clicked[view, slot]),
        served["source"],
        *served.drop("score", "source").get_columns(),
    )
