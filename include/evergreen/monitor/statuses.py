"""How every model of an installation is. One that cannot be read does not hide the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.domain.errors import EvergreenError
from evergreen.monitor.status import ModelStatus, broken, worst_first
from evergreen.monitor.status_facts import Record, records_of
from evergreen.monitor.status_of import status_of

log = logging.getLogger(__name__)

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a body raises that no sensor has written: an older version's, or a damaged one."""


def statuses(folders: Sequence[Path], *, ledger: Ledger, now: datetime) -> list[ModelStatus]:
    """Return how the models of these folders are, worst first.

    Raises:
        LedgerUnreachable: the ledger answers nothing at all.
    """
    found: list[ModelStatus] = []
    specs: list[ModelSpec] = []
    for folder in folders:
        try:
            specs.append(load_spec(folder))
        except EvergreenError as error:
            found.append(broken(folder.name, error))
    for spec, record in _records(specs, ledger):
        found.append(_status(spec, record, now))
    return worst_first(found)


def _records(
    specs: Sequence[ModelSpec], ledger: Ledger
) -> list[tuple[ModelSpec, Record | Exception]]:
    """Return each model's record, or why it has none; asked one by one only after a failure."""
    names = [spec.model for spec in specs]
    try:
        records = records_of(names, ledger)
    except (EvergreenError, ValueError) as error:
        log.warning("a record of the ledger cannot be read, each model is asked alone: %s", error)
    else:
        return [(spec, records[spec.model]) for spec in specs]
    ledger.newest_releases(names[:1])  # raises while the ledger is out of reach
    return [(spec, _alone(spec, ledger)) for spec in specs]


def _alone(spec: ModelSpec, ledger: Ledger) -> Record | Exception:
    try:
        return records_of([spec.model], ledger)[spec.model]
    except (EvergreenError, ValueError) as error:
        return error


def _status(spec: ModelSpec, record: Record | Exception, now: datetime) -> ModelStatus:
    if isinstance(record, Exception):
        return broken(spec.model, record, owner=spec.owner)
    try:
        return status_of(spec, record, now=now)
    except UNREADABLE as error:
        log.warning("the record of %s is not what the sensors write: %r", spec.model, error)
        return broken(spec.model, error, owner=spec.owner)
