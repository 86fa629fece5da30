"""Every set of lists on the same holdout page views: metrics, slices, scores, and time to score."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import xgboost as xgb

from evergreen.adapters.published import Published
from evergreen.adapters.registry import Registry
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import VersionUnknown
from evergreen.trainer import dataset, fit, latency
from evergreen.trainer.holdout import Holdout, Offered, Outcome
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.off_policy import off_policy_of
from evergreen.trainer.progress import say
from evergreen.trainer.scores import both_score, calibrate, score_sums
from evergreen.trainer.scoring import load_booster, rank_candidates

CHALLENGER, CHAMPION, POPULARITY = "challenger", "champion", "popularity"
POPULARITY_COLUMNS = {
    "context_item_id": pl.String,
    "item_id": pl.String,
    "rank": pl.Int16,
    "score": pl.Float32,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found on the holdout.

    Parameters:
        page_views: of those that count: `cluster`, `<who>_ndcg`, `<who>_hit`, `<who>_unseen`,
            `slice_<column>`.
        scores: sums by cluster, see `score_sums`.
        result: `metrics`, `calibration`, `coverage`, `latency_s`, `champion_model_sha256`, and
            `off_policy` where the log has propensities, for the step's result.
        earned: the challenger's outcome, with its impressions.
    """

    page_views: pl.DataFrame
    scores: pl.DataFrame
    result: dict[str, Any]
    earned: Outcome


def compare(
    run: RunDir,
    spec: ModelSpec,
    booster: xgb.Booster,
    champion: int | None,
    *,
    published: Published,
    registry: Registry,
) -> Comparison:
    """Lay the lists of challenger, champion and popularity over the holdout's page views.

    Only the challenger's impressions are kept whole; of the others what is summed up.

    Parameters:
        booster: the challenger's.
        champion: its version; None without one.

    Raises:
        VersionUnknown: the champion is neither published nor registered.
    """
    orders = run.table(dataset.STEP, "holdout_orders.parquet")
    popular = run.table(dataset.STEP, "holdout_popular.parquet")
    candidates = run.table(dataset.STEP, "holdout_candidates.parquet")
    say(f"ranking {candidates.height:,} candidates for {orders.height:,} page views")
    challenger = Offered(recommendations=rank_candidates(booster, candidates), popular=popular)
    lists, its, digest = None, None, None
    if champion is not None:
        lists, its, digest = _champion(
            run, spec, champion, candidates, popular, published, registry
        )
    found = compare_lists(spec, orders, candidates, challenger, lists)
    boosters = {CHALLENGER: booster, **({CHAMPION: its} if its is not None else {})}
    took = latency.p99_s(boosters, candidates)
    log_says = off_policy_of(run, spec, challenger, lists)
    more = {
        "latency_s": {who: round(s, 6) for who, s in took.items()},
        **({"off_policy": log_says} if log_says else {}),
        **({"champion_model_sha256": digest} if digest else {}),
    }
    return replace(found, result={**found.result, **more})


def compare_lists(
    spec: ModelSpec,
    orders: pl.DataFrame,
    candidates: pl.DataFrame,
    challenger: Offered,
    champion: Offered | None,
) -> Comparison:
    """Compare without what depends on the machine or on the log: the same lists, the same answer.

    Parameters:
        orders: of the holdout.
        candidates: of its first moment.
        challenger, champion: the lists of both; without a champion None.
    """
    holdout = Holdout(orders, spec.gate.k)
    nothing = pl.DataFrame(schema=POPULARITY_COLUMNS)
    offered = {
        CHALLENGER: challenger,
        POPULARITY: Offered(recommendations=nothing, popular=challenger.popular),
        **({CHAMPION: champion} if champion is not None else {}),
    }
    said, columns, shown = _Said(orders), {"cluster": holdout.clusters()}, {}
    for who, lists in offered.items():
        outcome = holdout.outcome(lists)
        said.add(who, outcome)
        names = ("ndcg", "hit", "unseen")
        columns |= {f"{who}_{name}": pl.Series(getattr(outcome, name)) for name in names}
        shown[who] = outcome.scored()
        if who == CHALLENGER:
            earned = outcome
    parts = tuple(part.column for part in spec.gate.slices)
    frame = pl.DataFrame(columns).hstack(holdout.slices(parts, candidates).get_columns())
    scores = _scores(holdout, said, shown, offered, orders["item_id"])
    return Comparison(page_views=frame, scores=scores, result=said.result(), earned=earned)


class _Said:
    """Collects what the step's result says of each model."""

    def __init__(self, orders: pl.DataFrame) -> None:
        self._sold = orders["item_id"].unique()
        self.metrics: dict[str, dict[str, float]] = {}
        self.calibration: dict[str, dict[str, Any]] = {}
        self._items: dict[str, pl.Series] = {}

    def add(self, who: str, outcome: Outcome) -> None:
        self.metrics[who] = outcome.summary()
        self._items[who] = outcome.shown["item_id"].unique()

    def result(self) -> dict[str, Any]:
        catalogue = pl.concat([self._sold, *self._items.values()]).unique().len()
        shown = {who: items.len() for who, items in self._items.items()}
        for who, count in shown.items():
            self.metrics[who]["coverage"] = round(count / max(catalogue, 1), 6)
        return {
            "metrics": self.metrics,
            "calibration": self.calibration,
            "coverage": {**shown, "catalogue": catalogue},
        }


def _scores(
    holdout: Holdout,
    said: _Said,
    shown: dict[str, pl.DataFrame],
    offered: dict[str, Offered],
    contexts: pl.Series,
) -> pl.DataFrame:
    models = [who for who in (CHALLENGER, CHAMPION) if who in shown]
    for who in models:
        rows = shown[who].filter(pl.col("source") == "model")
        calibration = calibrate(rows["score"].to_numpy(), rows["clicked"].to_numpy())
        said.calibration[who] = {"bins": calibration.bins}
        if calibration.signed.size:
            said.metrics[who]["calibration_error"] = round(calibration.error, 6)
    pair = (models * 2)[:2]  # without a champion: against itself
    pairs = both_score(
        [shown[who] for who in pair], [offered[who].recommendations for who in pair], contexts
    )
    return score_sums(holdout.all_clusters(), pairs, models)


def _champion(
    run: RunDir,
    spec: ModelSpec,
    champion: int,
    candidates: pl.DataFrame,
    popular: pl.DataFrame,
    published: Published,
    registry: Registry,
) -> tuple[Offered, xgb.Booster | None, str | None]:
    """Return the champion's lists; its booster, where it can still be run, and the file's digest.

    The digest goes to the gate, which compares it with the ledger's: a champion that was released
    after the window was frozen is not in the manifest.
    """
    start = datetime.fromisoformat(run.require(dataset.STEP)["holdout_start"])
    serves = published.has(champion) and published.as_of(champion) <= start
    digest = run.manifest().get("model_digests", {}).get(str(champion))
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = registry.fetch(spec.model, champion, fit.MODEL_FILE, Path(folder), sha256=digest)
            booster: xgb.Booster | None = load_booster(path)
            found: str | None = hashlib.sha256(path.read_bytes()).hexdigest()
    except VersionUnknown:
        if not serves:
            raise
        booster = found = None
    unknown = set((booster.feature_names or ()) if booster else ()) - set(candidates.columns)
    if serves:
        lists = Offered(
            recommendations=published.recommendations(champion),
            popular=published.popular(champion),
        )
        return lists, None if unknown else booster, found
    if unknown:
        raise VersionUnknown(
            f"{spec.model} version {champion} needs features that features.py no longer makes: "
            f"{', '.join(sorted(unknown))}; bring them back until it is replaced"
        )
    say(f"version {champion} was published after the holdout began: ranking with its model")
    assert booster is not None
    lists = Offered(recommendations=rank_candidates(booster, candidates), popular=popular)
    return lists, booster, found
