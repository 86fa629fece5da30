"""A whole backtest as one JSON body: what was asked, what was found, and what was left out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evergreen.backtest.cache import key_of
from evergreen.backtest.run import Plan, run
from evergreen.backtest.source import Source
from evergreen.backtest.summary import numbers_of

LEFT_OUT = (
    "schedules without _gated train one variant, full_28d, and deploy it without a gate",
    "the suites of Great Expectations judge nothing; a sales log has been cleaned",
    "the gate's rule on the time that scoring takes, which differs from machine to machine",
    "a person's approval: a PROMOTE is deployed, anything else is held",
    "the daily run of the retrain DAG while the champion is older than max_model_age; the "
    "monitor's own request for its age is replayed",
    "the minutes that a retraining takes: a request of one hour is deployed in the next",
)
ID_DIGITS = 12


def result_id(plan: Plan) -> str:
    """Return the name of a backtest: equal for equal questions to equal orders."""
    return key_of(
        orders=plan.history.digest(plan.history.window.start, plan.window.end),
        spec=plan.spec.model_dump(mode="json", by_alias=True),
        policies=[policy.name for policy in plan.policies],
        window=str(plan.window),
        version=plan.version,
    )[:ID_DIGITS]


def report_of(
    plan: Plan,
    source: Source,
    *,
    change: datetime | None,
    settings_changed: list[str],
    quiet: bool = False,
) -> dict[str, Any]:
    """Run a backtest and return its report.

    Parameters:
        change: when the shop is known to have changed; None where nobody knows.
        settings_changed: keys that were set otherwise than in model.yaml, for people.
    """
    played = run(plan, quiet=quiet)
    return {
        "model": plan.spec.model,
        "id": result_id(plan),
        "data": source.name,
        "set": settings_changed,
        "seed": plan.spec.train.seed,
        **numbers_of(played, plan.window, change=change),
        "left_out": list(LEFT_OUT),
    }
