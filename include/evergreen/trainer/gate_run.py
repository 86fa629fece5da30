"""The gate over an evaluation: paired differences, interval, verdict; on record in the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import polars as pl

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.bootstrap import MeanInterval, bootstrap_mean
from evergreen.domain.gate import GatePolicy, GateVerdict, judge_challenger
from evergreen.trainer.evaluate import PAGE_VIEWS, step_name
from evergreen.trainer.manifest import RunDir


def gate(run_dir: str, *, champion_version: int | None, ledger: Ledger) -> dict[str, Any]:
    """Decide whether this run's challenger takes the champion's place.

    Parameters:
        champion_version: the one that `evaluate` compared with; None without one.

    Raises:
        ManifestInvalid: it has not been evaluated against this champion.
    """
    run = RunDir(run_dir)
    manifest = run.manifest()
    spec = run.spec()
    evaluated = run.require(step_name(champion_version))
    verdict = {
        "version": evaluated["version"],
        "expected": champion_version,
        "as_of": evaluated["as_of"],
        "run_key": manifest["run_key"],
        **(_same(evaluated) if evaluated.get("is_champion") else _judge(run, spec, evaluated)),
    }
    before = ledger.run(manifest["run_key"])
    if not evaluated.get("is_champion") or before is None or before.verdict is None:
        body = {name: value for name, value in verdict.items() if name != "evidence"}
        ledger.close_run(
            manifest["run_key"],
            verdict=verdict["verdict"],
            version=verdict["version"],
            body={**body, "metrics": evaluated.get("metrics", {})},
        )
    return verdict


def _same(evaluated: dict[str, Any]) -> dict[str, Any]:
    reason = f"version {evaluated['version']} was trained from this very window and is the champion"
    return {"verdict": str(GateVerdict.HOLD), "reasons": [reason], "evidence": {}}


def _judge(run: RunDir, spec: ModelSpec, evaluated: dict[str, Any]) -> dict[str, Any]:
    views = run.table(step_name(evaluated["champion"]), PAGE_VIEWS)
    policy = spec.gate
    decision = judge_challenger(
        gain=None if evaluated["champion"] is None else _difference(views, spec, "champion"),
        baseline_gain=_difference(views, spec, "popularity"),
        policy=GatePolicy(
            metric=f"{policy.metric}@{policy.k}",
            min_gain=policy.min_gain,
            min_page_views=policy.min_page_views,
        ),
    )
    return {
        "verdict": str(decision.verdict),
        "reasons": list(decision.reasons),
        "evidence": {
            "profile": evaluated["profile"],
            "metrics": evaluated["metrics"],
            "rules": [asdict(rule) for rule in decision.rules],
        },
    }


def _difference(views: pl.DataFrame, spec: ModelSpec, other: str) -> MeanInterval:
    metric = spec.gate.metric
    return bootstrap_mean(
        (views[f"challenger_{metric}"] - views[f"{other}_{metric}"]).to_numpy(),
        views["cluster"].to_numpy(),
        confidence=spec.gate.confidence,
        resamples=spec.gate.resamples,
        seed=spec.gate.seed,
    )
