"""Messages to people. They go to the ledger's outbox, once each, and are printed to the task log.

Delivery to Slack reads the outbox (a later issue); without it nothing is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from evergreen.adapters.installation import open_ledger
from evergreen.domain.alert import Alert
from evergreen.domain.errors import EvergreenError

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger

log = logging.getLogger(__name__)

Severity = Literal["info", "warning", "error"]
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def notify(
    ledger: Ledger,
    key: str,
    *,
    model: str,
    severity: Severity,
    text: str,
    alert: Alert | None = None,  # noqa: ARG001  (messages by kind are told apart on delivery)
) -> bool:
    """Post a message, unless one with this key was posted before; return whether it was new."""
    new = ledger.post(key, model=model, severity=severity, text=text)
    log.log(_LEVELS[severity] if new else logging.INFO, text if new else f"posted before: {text}")
    return new


def report_failure(context: Mapping[str, Any]) -> None:
    """Post that a task has failed for good (`on_failure_callback`); a replay stays silent.

    Never raises: the ledger that cannot be reached may be the very reason of the failure.
    """
    from evergreen.orchestration.run_context import is_replay

    if is_replay(context):
        return
    ti = context["ti"]
    model = ti.dag_id.rpartition("__")[0]
    text = f"{ti.dag_id}.{ti.task_id} failed in run {ti.run_id}: {context.get('exception')}"
    key = f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{ti.map_index}/failed-{ti.try_number}"
    try:
        notify(open_ledger(), key, model=model, severity="error", text=text[:1_000])
    except EvergreenError as error:
        log.error("%s (not posted: %s)", text, error)
