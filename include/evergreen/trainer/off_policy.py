"""What the holdout's own impressions say of the challenger, where they log propensities."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from math import isfinite
from typing import Any

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.adapters.off_policy_log import TABLE, evaluate_over, logs_propensity
from evergreen.adapters.policies import policy_of_lists
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import (
    ColumnMissing,
    ColumnTypeWrong,
    FileCorrupt,
    PropensitiesMissing,
    WindowEmpty,
)
from evergreen.domain.gate_rule import GateRule, RuleVerdict
from evergreen.domain.off_policy import OffPolicy, Value, off_policy_rule
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import Window, parse_hour
from evergreen.trainer import dataset
from evergreen.trainer.holdout import Offered
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.progress import say

UNUSABLE = (ColumnMissing, ColumnTypeWrong, FileCorrupt, PropensitiesMissing, WindowEmpty)
"""Faults of the log: no estimate, and the gate says so. A lake out of reach is tried again."""
VALUES = ("logged", "compared", "ips", "snips", "doubly_robust", "gain")


def off_policy_of(
    run: RunDir, spec: ModelSpec, challenger: Offered, champion: Offered | None
) -> dict[str, Any] | None:
    """Return the estimate of the challenger's CTR over the champion's; None without propensities.

    The lists are those that the comparison lays over the holdout, so none has seen it. Without a
    champion the log's own CTR is compared with. A log that cannot be used leaves `refused`, why.
    """
    if spec.gate.off_policy.max_loss is None:
        return None
    said = run.require(dataset.STEP)
    start, end = (datetime.fromisoformat(said[name]) for name in ("holdout_start", "as_of"))
    window = Window(start, end)
    try:
        lake = _counted(run.manifest(), spec)
        if not logs_propensity(lake, window):
            return None
        say("asking the log's propensities about the challenger")
        found = evaluate_over(
            spec,
            window,
            _policy(challenger, spec),
            lake=lake,
            against=_policy(champion, spec) if champion else None,
            clip=spec.gate.off_policy.clip,
            min_effective_sample=spec.gate.off_policy.min_effective_sample,
        )
    except UNUSABLE as error:
        return {"refused": str(error)}
    known = isfinite(found.gain.lower) and isfinite(found.gain.upper)
    return asdict(found) if known else {"refused": f"no off-policy estimate: {found.text}"}


def rule_of(said: dict[str, Any], *, max_loss: float) -> GateRule:
    """Return the gate's rule on what `off_policy_of` returned."""
    if "refused" in said:
        return GateRule(
            name="off_policy", verdict=RuleVerdict.NOT_ENOUGH_DATA, text=str(said["refused"])
        )
    values = {name: Value(**said[name]) if said[name] else None for name in VALUES}
    found = OffPolicy(**{**said, **values, "verdict": Verdict(said["verdict"])})
    return off_policy_rule(found, max_loss=max_loss)


def _policy(offered: Offered, spec: ModelSpec) -> pl.DataFrame:
    return policy_of_lists(offered.recommendations, offered.popular, spec.gate.k)


def _counted(manifest: dict[str, Any], spec: ModelSpec) -> Lake:
    """Return the lake without the impressions that were in quarantine when the window was frozen.

    An hour that was landed again since has a higher generation, and counts.
    """
    lake, out = Lake(manifest["lake"], spec.columns), []
    for key, generation in manifest.get("quarantined_impressions", {}).items():
        hour = parse_hour(key)
        try:
            closing = lake.closing(TABLE, hour)
        except FileCorrupt:
            closing = None
        if closing is None or closing.generation <= generation:
            out.append(hour)
    return lake.without({TABLE: out})
