"""How good the scores are, not only their order: log loss, calibration, coverage; by cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

BINS = 10
CLIP = 1e-6
"""Scores are taken to be this far from 0 and 1 at least: single precision knows no closer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a model predicts of what it would show, against what was clicked.

    Parameters:
        bins: `predicted`, `observed` (means), `rows` of each, lowest scores first.
        error: expected calibration error, the mean over impressions of |predicted - observed| of
            their bin (Naeini et al. 2015), over bins of equal size.
        signed: ±(score - clicked) of each impression, the sign that of its bin: their mean is the
            error, [N].
    """

    bins: list[dict[str, float]]
    error: float
    signed: np.ndarray


def calibrate(score: np.ndarray, clicked: np.ndarray) -> Calibration:
    """Return how well scores foretell clicks.

    Parameters:
        score: 0 to 1, [N].
        clicked: 0 or 1, [N].

    Example:
        >>> found = calibrate(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0, 0, 1, 1]))
        >>> (round(found.error, 3), len(found.bins))
        (0.2, 2)
    """
    if not score.size:
        return Calibration(bins=[], error=float("nan"), signed=np.zeros(0))
    edges = np.unique(np.quantile(score, np.arange(1, BINS) / BINS))
    part = np.searchsorted(edges, score, side="left")
    gap = score.astype(float) - clicked
    rows = np.bincount(part, minlength=edges.size + 1)
    sums = (np.bincount(part, weights=x, minlength=rows.size) for x in (score, clicked, gap))
    predicted, observed, gaps = sums
    bins = [
        {
            "predicted": round(predicted[i] / rows[i], 6),
            "observed": round(observed[i] / rows[i], 6),
            "rows": int(rows[i]),
        }
        for i in np.flatnonzero(rows)
    ]
    signed = np.where(gaps[part] < 0, -gap, gap)
    return Calibration(bins=bins, error=float(signed.mean()), signed=signed)


def log_loss(score: np.ndarray, clicked: np.ndarray) -> np.ndarray:
    """Return each impression's -log of the probability given to what happened, [N]."""
    p = np.clip(score.astype(float), CLIP, 1 - CLIP)
    return -np.where(clicked, np.log(p), np.log1p(-p))


def both_score(
    shown: list[pl.DataFrame], recommendations: list[pl.DataFrame], contexts: pl.Series
) -> pl.DataFrame:
    """Return the items that either model would show and both score: losses on the same items.

    Args:
        shown: of challenger and champion: `view`, `item_id`, `clicked`, `source`.
        recommendations: of challenger and champion: `context_item_id`, `item_id`, `score`.
        contexts: the item that each page view looks at, [P].

    Returns:
        `view`, `clicked`, `challenger`, `champion` (their scores); a page view's item once.
    """
    columns = ["view", "item_id", "clicked"]
    by_model = [frame.filter(pl.col("source") == "model").select(columns) for frame in shown]
    pairs = pl.concat(by_model).unique(["view", "item_id"], maintain_order=True)
    pairs = pairs.with_columns(contexts[pairs["view"]].alias("context_item_id"))
    for name, lists in zip(("challenger", "champion"), recommendations, strict=True):
        scores = lists.select("context_item_id", "item_id", pl.col("score").alias(name))
        pairs = pairs.join(
            scores, on=["context_item_id", "item_id"], how="inner", maintain_order="left"
        )
    return pairs.select("view", "clicked", "challenger", "champion")


def score_sums(clusters: pl.Series, pairs: pl.DataFrame, models: list[str]) -> pl.DataFrame:
    """Return what the guardrails of the scores need, summed by cluster.

    Both models are judged on the same items: on what each would show, the better one meets more
    clicks than its scores say, because it was chosen by them.

    Args:
        clusters: of every page view, [P].
        pairs: as `both_score` returns them.
        models: whose scores are summed.

    Returns:
        `cluster`, `pairs`, `<who>_loss`, `<who>_miscalibration`; clusters without pairs too.
    """
    names = clusters.unique(maintain_order=True)
    code = clusters.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()
    at, clicked = code[pairs["view"].to_numpy()], pairs["clicked"].to_numpy()

    def summed(values: np.ndarray | None) -> np.ndarray:
        return np.bincount(at, weights=values, minlength=names.len()).astype(float)

    columns = {"pairs": summed(None)}
    for who in models:
        score = pairs[who].to_numpy()
        columns[f"{who}_loss"] = summed(log_loss(score, clicked))
        columns[f"{who}_miscalibration"] = summed(calibrate(score, clicked).signed)
    return pl.DataFrame({"cluster": names, **columns})
