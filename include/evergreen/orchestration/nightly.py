"""The nightly validation in this process, without Airflow: what its task calls, and a backfill."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from evergreen.adapters.installation import (
    open_data_docs,
    open_lake,
    open_ledger,
    open_published,
)
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import settings

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Release
    from evergreen.monitor.day_report import DayReport
    from evergreen.orchestration.served_features import ServedFeatures


def validate_night(
    spec: ModelSpec,
    day: datetime,
    *,
    replay: bool,
    say: Callable[[str], None] = lambda _: None,
) -> list[DayReport]:
    """Validate a day and, unless it is a replay, the earlier days that have changed since.

    Args:
        day: Its start, in UTC.
        say: Hears of each day before it is validated.

    Returns:
        The reports, the day's own first.
    """
    from evergreen.monitor.failing_samples import FailingSamples
    from evergreen.monitor.known import known_of
    from evergreen.monitor.stale_days import days_to_validate
    from evergreen.monitor.validate_day import validate_day
    from evergreen.orchestration.served_features import served_features

    lake, ledger, published = open_lake(spec), open_ledger(), open_published(spec)
    docs = open_data_docs(spec)
    root = settings().quarantine_root(spec.model)
    samples = FailingSamples(root, spec.model, spec.features.names)

    @cache
    def made_again(fence: int) -> ServedFeatures | None:
        release = next(r for r in ledger.releases(spec.model) if r.fence == fence)
        return served_features(spec, release, lake=lake, ledger=ledger)

    def recompute_at(release: Release) -> ServedFeatures | None:
        return made_again(release.fence) if spec.train.enabled else None

    days = [day] if replay else days_to_validate(spec.model, day, lake=lake, ledger=ledger)
    reports = []
    for number, each in enumerate(days, start=1):
        say(f"validating {spec.model} {each:%Y-%m-%d} ({number} of {len(days)})")
        known = known_of(
            spec, each, lake=lake, ledger=ledger, published=published, recompute_at=recompute_at
        )
        reports.append(
            validate_day(
                spec,
                each,
                lake=lake,
                ledger=ledger,
                known=known,
                docs=docs,
                samples=samples,
                replay=replay,
            )
        )
    return reports[-1:] + reports[:-1]
