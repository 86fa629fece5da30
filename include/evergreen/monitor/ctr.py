"""The CTR sensor: the rule of the domain over the ledger's sketches."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.ctr import CtrRule
from evergreen.domain.ctr import judge_ctr as judge
from evergreen.monitor.records import measured_counts, measured_profile, record, window_sketches


def judge_ctr(spec: ModelSpec, hour: datetime, *, ledger: Ledger, replay: bool) -> dict[str, Any]:
    """Judge the trailing window's CTR by the plain rule, and write the measurement.

    Raises:
        WindowEmpty: `measure_hour` has not measured this hour.
    """
    measured = measured_counts(spec, hour, ledger)
    sketches = window_sketches(spec, hour, measured, ledger)
    rule = spec.monitor
    judgement = judge(
        [s.clicks for s in sketches],
        [s.labelled for s in sketches],
        baseline=measured_profile(spec, measured, ledger).ctr,
        rule=CtrRule(
            max_drop=rule.ctr.max_drop,
            floor=rule.ctr.floor,
            confidence=rule.confidence,
            min_impressions=rule.min_impressions,
        ),
    )
    return record(spec, hour, "ctr", asdict(judgement), ledger=ledger, replay=replay)
