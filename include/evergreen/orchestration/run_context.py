"""What a task asks of its DAG run: which hour, which day, a replay or not; and its connections."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.config.settings import settings
from evergreen.domain.windows import HOUR, floor_hour

if TYPE_CHECKING:
    from evergreen.adapters.lake import Lake
    from evergreen.adapters.ledger import Ledger
    from evergreen.adapters.published import Published
    from evergreen.adapters.registry import Registry

Context = Mapping[str, Any]
DAY = timedelta(days=1)


def hour_of(context: Context) -> datetime:
    """Return the hour that a run of an hourly DAG is about: the start of its data interval.

    A manual run without one is about the last whole hour before it.
    """
    run = context["dag_run"]
    return floor_hour(run.data_interval_start or run.run_after - HOUR)


def day_of(context: Context) -> datetime:
    """Return the start (UTC) of the last whole day before a nightly run."""
    run = context["dag_run"]
    return floor_hour(run.data_interval_end or run.run_after).replace(hour=0) - DAY


def is_replay(context: Context) -> bool:
    """Return whether the run recomputes the past: a backfill, or a manual run that says so."""
    return str(context["dag_run"].run_type) == "backfill" or bool(
        context.get("params", {}).get("replay", False)
    )


def spec_of(model: str) -> ModelSpec:
    """Return the model's spec as it is now on this worker."""
    return load_spec(settings().models_dir / model)


def open_lake(spec: ModelSpec) -> Lake:
    """Return the model's lake."""
    from evergreen.adapters.lake import Lake

    return Lake.of(spec, settings())


def open_ledger() -> Ledger:
    """Return the ledger, migrated."""
    from evergreen.adapters.ledger import Ledger

    ledger = Ledger(settings().ledger)
    ledger.migrate()
    return ledger


def open_published(spec: ModelSpec) -> Published:
    """Return the model's published sets."""
    from evergreen.adapters.published import Published

    return Published(settings().published_root(spec.model))


def open_registry() -> Registry:
    """Return the model registry."""
    from evergreen.adapters.registry import Registry

    return Registry.of(settings())
