"""The holdout: what lists would have shown on the newest page views, and what it would have earned.

The rule of what is shown and clicked is `domain.serving`, the storefront's own: so a list's CTR
here is the CTR it would have had in the shop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from evergreen.adapters.lists import RankedLists, catalogue, codes_of
from evergreen.domain.ranking import hit_at_k, ndcg_at_k
from evergreen.domain.serving import BasketIndex, PageViews, Shown, show


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A set of lists: of the challenger, the champion, or popularity alone."""

    recommendations: pl.DataFrame
    popular: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a set of lists would have earned.

    Parameters:
        hit, ndcg: per page view with something left to find, [P'].
        ctr: clicks / impressions over all page views, 0 to 1.
        fallback_share: impressions that popularity filled, 0 to 1.
        shown: the impressions as the lake would hold them, fallback too.
    """

    hit: np.ndarray
    ndcg: np.ndarray
    ctr: float
    fallback_share: float
    impressions: int
    shown: pl.DataFrame

    def summary(self) -> dict[str, float]:
        """Return the means, rounded for people."""
        return {
            "hit": round(float(self.hit.mean()), 6) if self.hit.size else float("nan"),
            "ndcg": round(float(self.ndcg.mean()), 6) if self.ndcg.size else float("nan"),
            "ctr": round(self.ctr, 6),
            "fallback_share": round(self.fallback_share, 6),
            "impressions": self.impressions,
        }


class Holdout:
    """The page views of the holdout's orders.

    Args:
        orders: `order_time`, `order_id`, `item_id`, `line`, `user_id` where known.
        k: how many items a page view shows.
    """

    def __init__(self, orders: pl.DataFrame, k: int) -> None:
        self._orders, self._k = orders, k
        self._basket = codes_of(orders["order_id"], catalogue([orders["order_id"]]))
        self._line = orders["line"].cast(pl.Int64).to_numpy()

    def clusters(self) -> pl.Series:
        """Return who made each page view that counts: the user, else the order."""
        by = pl.col("order_id")
        if "user_id" in self._orders.columns:
            by = pl.coalesce(pl.format("user {}", "user_id"), by)
        return self._orders.select(cluster=by)["cluster"].filter(pl.Series(self._counts()))

    def outcome(self, offered: Offered) -> Outcome:
        """Return what these lists would have shown and earned."""
        sets = (offered.recommendations, offered.popular)
        items = catalogue(
            [
                self._orders["item_id"],
                offered.recommendations["context_item_id"],
                *(frame["item_id"] for frame in sets),
            ]
        )
        lists = RankedLists.of(*sets, items)
        item = codes_of(self._orders["item_id"], items)
        index = BasketIndex.of(self._basket, item, self._line, n_items=items.len())
        row = lists.row_of_item[item]
        views = PageViews(basket=self._basket, line=self._line, row=row)
        shown = show(index, views, lists.matrix, self._k)
        return _outcome(shown, index, views, self._impressions(shown, views, lists, items))

    def _impressions(
        self, shown: Shown, views: PageViews, lists: RankedLists, items: pl.Series
    ) -> pl.DataFrame:
        view, slot = np.nonzero(shown.item >= 0)
        served = lists.table[lists.entries[views.row[view], shown.rank_in_list[view, slot]]]
        page = self._orders.select(
            event_time="order_time", page_view_id=pl.format("{}-{}", "order_id", "line")
        )
        return page[view].with_columns(
            items[shown.item[view, slot]].alias("item_id"),
            pl.Series("position", slot + 1, dtype=pl.Int8),
            pl.lit("challenger").alias("model_version"),
            pl.Series("clicked", shown.clicked[view, slot]),
            *served.get_columns(),
        )

    def _counts(self) -> np.ndarray:
        """Say which page views count: those whose basket gains an item later."""
        item = codes_of(self._orders["item_id"], catalogue([self._orders["item_id"]]))
        index = BasketIndex.of(self._basket, item, self._line, n_items=int(item.max()) + 1)
        views = PageViews(basket=self._basket, line=self._line, row=item)
        return index.relevant_count(views) > 0


def _outcome(
    shown: Shown, index: BasketIndex, views: PageViews, impressions: pl.DataFrame
) -> Outcome:
    relevant = index.relevant_count(views)
    counts = relevant > 0
    rows = impressions.height
    fallback = impressions.filter(pl.col("source") == "fallback").height
    return Outcome(
        hit=hit_at_k(shown.clicked[counts]),
        ndcg=ndcg_at_k(shown.clicked[counts], relevant[counts]),
        ctr=float(shown.clicked.sum()) / max(rows, 1),
        fallback_share=fallback / rows if rows else 1.0,
        impressions=rows,
        shown=impressions,
    )
