"""The holdout: what lists would have shown on the newest page views, and what it would have earned.

The rule of what is shown and clicked is `domain.serving`, the storefront's own: so a list's CTR
here is the CTR it would have had in the shop.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        unseen: page views whose item the lists do not know, of those that count, [P'].
        shown: the impressions as the lake would hold them, fallback too, [N].
        view: the page view of each impression, as a row of the orders, [N].
    """

    hit: np.ndarray
    ndcg: np.ndarray
    ctr: float
    fallback_share: float
    impressions: int
    unseen: np.ndarray
    shown: pl.DataFrame
    view: np.ndarray

    def summary(self) -> dict[str, float]:
        """Return the means, rounded for people."""
        return {
            "hit": round(float(self.hit.mean()), 6) if self.hit.size else float("nan"),
            "ndcg": round(float(self.ndcg.mean()), 6) if self.ndcg.size else float("nan"),
            "ctr": round(self.ctr, 6),
            "fallback_share": round(self.fallback_share, 6),
            "impressions": self.impressions,
            "unseen_share": round(float(self.unseen.mean()), 6) if self.unseen.size else 0.0,
        }

    def scored(self) -> pl.DataFrame:
        """Return `view`, `item_id`, `score`, `source`, `clicked` of the impressions alone."""
        columns = ("item_id", "score", "source", "clicked")
        return self.shown.select(pl.Series("view", self.view), *columns)


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
        return self.all_clusters().filter(pl.Series(self._counts()))

    def all_clusters(self) -> pl.Series:
        """Return who made each page view, whether it counts or not."""
        by = pl.col("order_id")
        if "user_id" in self._orders.columns:
            by = pl.coalesce(pl.format("user {}", "user_id"), by)
        return self._orders.select(cluster=by)["cluster"]

    def slices(self, columns: Sequence[str], candidates: pl.DataFrame) -> pl.DataFrame:
        """Return what the gate cuts slices by, of the page views that count.

        Args:
            columns: of the orders; else a feature of the item that is looked at, the mean of its
                candidates. What neither has is left out.
            candidates: `context_item_id` and features.

        Returns:
            `slice_<column>` of each column found.
        """
        counts, found = pl.Series(self._counts()), {}
        for name in columns:
            if name in self._orders.columns:
                values = self._orders[name]
            elif name in candidates.columns:
                of = candidates.group_by("context_item_id").agg(pl.col(name).mean())
                item = self._orders.select(context_item_id="item_id")
                joined = item.join(of, on="context_item_id", how="left", maintain_order="left")
                values = joined[name]
            else:
                continue
            found[f"slice_{name}"] = values.filter(counts)
        return pl.DataFrame(found)

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
        unseen = row == lists.matrix.shape[0] - 1
        rows = self._impressions(shown, views, lists, items)
        return _outcome(shown, index, views, rows, unseen)

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
    shown: Shown,
    index: BasketIndex,
    views: PageViews,
    impressions: pl.DataFrame,
    unseen: np.ndarray,
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
        unseen=unseen[counts],
        shown=impressions,
        view=np.nonzero(shown.item >= 0)[0],
    )
