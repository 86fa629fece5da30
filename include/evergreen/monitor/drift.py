"""The drift sensor, version 1: the fallback share over the ledger's sketches."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.fallback import judge_fallback
from evergreen.monitor.records import measured_counts, record, window_sketches


def judge_drift(spec: ModelSpec, hour: datetime, *, ledger: Ledger, replay: bool) -> dict[str, Any]:
    """Judge what reaches the model; for now the fallback share, the earliest sign of staleness.

    Raises:
        WindowEmpty: `measure_hour` has not measured this hour.
    """
    measured = measured_counts(spec, hour, ledger)
    sketches = window_sketches(spec, hour, measured, ledger)
    judgement = judge_fallback(
        [s.fallback for s in sketches],
        [s.impressions for s in sketches],
        max_share=spec.monitor.fallback.max_share,
        confidence=spec.monitor.confidence,
        min_impressions=spec.monitor.min_impressions,
    )
    return record(spec, hour, "drift", asdict(judgement), ledger=ledger, replay=replay)
