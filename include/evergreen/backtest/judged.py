"""A retraining through the gate: every variant, the holdout, the verdict, the reference profile.

The functions are those of the steps; left out are what needs an installation: the suites of Great
Expectations (a sales log has been cleaned), MLflow, and the latency rule, since how fast this
machine scores now says nothing of then, and differs from run to run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evergreen.backtest.lists import Trained, keep
from evergreen.backtest.rows_in_memory import Dataset, dataset_of
from evergreen.backtest.workshop import ONE_THREAD, Workshop
from evergreen.config.model_spec import ModelSpec
from evergreen.config.monitor_spec import MonitorSpec
from evergreen.config.train_spec import FRESH
from evergreen.domain.error_budget import budget_of
from evergreen.domain.errors import NoVariantTrained
from evergreen.domain.gate import decide, fresh_champion_rule
from evergreen.domain.windows import Window
from evergreen.trainer.boosting import Boosted
from evergreen.trainer.choice import compared, in_words
from evergreen.trainer.compare import compare_lists
from evergreen.trainer.evaluate import expected_of_lists
from evergreen.trainer.fit import figures, learn, rows_of
from evergreen.trainer.gate_rules import Evaluation, compared_rules
from evergreen.trainer.holdout import Offered
from evergreen.trainer.scoring import rank_candidates
from evergreen.trainer.variants import Base, Cut, Skip, unfit

KIND = "judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opponent:
    """The champion that a challenger meets.

    Parameters:
        version: the policy's number of it.
        as_of: the moment that its features look back from.
        trained: its lists and its model.
    """

    version: int
    as_of: datetime
    trained: Trained


def judged(shop: Workshop, until: datetime, *, champion: Opponent | None, attempt: int) -> Trained:
    """Return a challenger and the gate's verdict of it; made unless it is kept already.

    Parameters:
        champion: whom it must beat; None for the first one, which must beat popularity.
        attempt: which attempt against this champion it is, from 1.

    Raises:
        WindowEmpty: too few orders to learn from, or to be judged on.
        NoVariantTrained: every variant was skipped.
    """
    key = shop.key(
        until,
        champion=champion.trained.key if champion else None,
        champion_as_of=champion.as_of.isoformat() if champion else None,
        champion_version=champion.version if champion else None,
        attempt=attempt,
        outputs=shop.spec.monitor.drift.outputs,
    )
    folder = shop.cache.find(KIND, key)
    if folder is None:
        began = time.monotonic()
        data = dataset_of(shop.history, shop.spec, shop.code, until)
        best, results = _best(shop.spec, data, champion, until)
        verdict = _verdict(shop, data, best, champion, attempt=attempt)
        said = {
            **verdict["said"],
            "variant": best[0],
            "variants": in_words(compared(results)),
            "trained_until": data.said["validation_start"],
            "labels_until": data.said["holdout_start"],
            "training_s": time.monotonic() - began,
        }
        with shop.cache.making(KIND, key) as made:
            keep(
                made,
                lists=verdict["lists"].recommendations,
                popular=verdict["lists"].popular,
                booster=best[1].booster,
                said=said,
                profile=verdict["profile"],
            )
        folder = shop.cache.root / KIND / key
    return Trained(folder)


def _best(
    spec: ModelSpec, data: Dataset, champion: Opponent | None, until: datetime
) -> tuple[tuple[str, Boosted], list[dict[str, Any]]]:
    """Train every variant; return the one with the lowest validation loss, and what all told."""
    results: list[dict[str, Any]] = []
    trained: dict[str, Boosted] = {}
    for variant in spec.train.variants:
        found = _variant(spec, variant, data, champion, until)
        if isinstance(found, Skip):
            results.append({"variant": variant, "skipped": found.reason})
        else:
            trained[variant] = found[0]
            results.append({"variant": variant, **found[1], **figures(found[0])})
    able = [result for result in results if "skipped" not in result]
    if not able:
        reasons = "; ".join(f"{result['variant']}: {result['skipped']}" for result in results)
        raise NoVariantTrained(f"no variant of {spec.model} could be trained: {reasons}")
    best = min(able, key=lambda result: float(result["valid_logloss"]))["variant"]
    return (best, trained[best]), results


def _variant(
    spec: ModelSpec, variant: str, data: Dataset, champion: Opponent | None, until: datetime
) -> Skip | tuple[Boosted, dict[str, Any]]:
    start = data.moment("validation_start")
    base = _base(spec, champion, start, until) if variant == FRESH else None
    if isinstance(base, Skip):
        return base
    rows = rows_of(spec, variant, data.train, data.valid, until=start)
    with tempfile.TemporaryDirectory(prefix="evergreen-backtest-") as scratch:
        return learn(spec, variant, *rows, base=base, scratch=Path(scratch), more_params=ONE_THREAD)


def _base(
    spec: ModelSpec, champion: Opponent | None, start: datetime, until: datetime
) -> Base | Skip:
    """Return the champion's model to go on from; the rules are those of `find_base`."""
    if champion is None:
        return Skip(reason="no champion to continue from when the window was frozen")
    who = f"version {champion.version}"
    if champion.as_of > until:
        return Skip(
            reason=f"{who} was trained on data until {champion.as_of.isoformat()}, after this "
            f"window"
        )
    seen = Cut(
        train_end=datetime.fromisoformat(champion.trained.said["trained_until"]),
        labels_end=datetime.fromisoformat(champion.trained.said["labels_until"]),
    )
    booster = champion.trained.booster
    cut = Cut(train_end=start, labels_end=until - spec.gate.holdout)
    reason = unfit(who, booster, seen=seen, cut=cut, spec=spec)
    return Skip(reason=reason) if reason else Base(version=champion.version, booster=booster)


def _verdict(
    shop: Workshop,
    data: Dataset,
    best: tuple[str, Boosted],
    champion: Opponent | None,
    *,
    attempt: int,
) -> Mapping[str, Any]:
    spec, tables, booster = shop.spec, data.tables, best[1].booster
    candidates, popular = tables["holdout_candidates"], tables["holdout_popular"]
    start, end = data.moment("holdout_start"), data.moment("as_of")
    met = None
    if champion is not None and champion.as_of <= start:
        met = champion.trained.offered
    elif champion is not None:
        ranked = rank_candidates(champion.trained.booster, candidates)
        met = Offered(recommendations=ranked, popular=popular)
    challenger = Offered(recommendations=rank_candidates(booster, candidates), popular=popular)
    found = compare_lists(spec, tables["holdout_orders"], candidates, challenger, met)
    lists = Offered(
        recommendations=rank_candidates(booster, tables["publish_candidates"]),
        popular=tables["publish_popular"],
    )
    profile = expected_of_lists(
        tables["window_orders"],
        lists,
        found.earned,
        Window(start, end),
        _canonical(spec),
        booster,
    )
    budget = budget_of(attempt, first=spec.gate.first_alpha, total=spec.gate.history_error)
    evaluation = Evaluation(
        views=found.page_views,
        scores=found.scores,
        result=found.result,
        has_champion=champion is not None,
    )
    number = champion.version if champion else None
    rules = [
        *compared_rules(evaluation, without_latency(spec).gate, budget).rules,
        fresh_champion_rule(number, number),
    ]
    decision = decide(rules)
    said = {
        "verdict": str(decision.verdict),
        "reasons": list(decision.reasons),
        "metrics": found.result["metrics"],
    }
    return {"said": said, "lists": lists, "profile": profile.to_json()}


def without_latency(spec: ModelSpec) -> ModelSpec:
    """Return the spec without the gate's rule on the time that scoring takes."""
    guardrails = spec.gate.guardrails.model_copy(update={"max_latency_ratio": None})
    gate = spec.gate.model_copy(update={"guardrails": guardrails})
    return spec.model_copy(update={"gate": gate})


def _canonical(spec: ModelSpec) -> ModelSpec:
    """Return the spec with the monitor's defaults, but for its outputs, which make the bins.

    So one profile serves every setting of the thresholds; `monitor.ctr.alarm_of` makes the alarm
    for a setting, as it does in an installation whose thresholds were changed.
    """
    monitor = MonitorSpec(
        drift=MonitorSpec().drift.model_copy(update={"outputs": spec.monitor.drift.outputs})
    )
    return spec.model_copy(update={"monitor": monitor})
