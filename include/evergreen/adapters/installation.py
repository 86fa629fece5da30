"""This installation's lake, ledger, sets, pages and registry, opened by its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.config.settings import settings

if TYPE_CHECKING:
    from evergreen.adapters.data_docs import DataDocs
    from evergreen.adapters.lake import Lake
    from evergreen.adapters.ledger import Ledger
    from evergreen.adapters.published import Published
    from evergreen.adapters.registry import Registry
    from evergreen.adapters.reports import Reports


def spec_of(model: str) -> ModelSpec:
    """Return the model's spec as it is now on this machine."""
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


def open_data_docs(spec: ModelSpec) -> DataDocs:
    """Return the pages of the model's validations."""
    from evergreen.adapters.data_docs import DataDocs

    return DataDocs(settings().docs_root(spec.model))


def open_reports(model: str) -> Reports:
    """Return the evaluation reports of the model's retrainings."""
    from evergreen.adapters.reports import Reports

    return Reports(settings().runs_root(model))


def open_registry() -> Registry:
    """Return the model registry."""
    from evergreen.adapters.registry import Registry

    return Registry.of(settings())
