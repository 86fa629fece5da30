"""Messages to people: each said once, printed to the task log, kept in the ledger, sent to Slack.

To send one is tried at once, for a few seconds. What does not get through waits in the ledger's
outbox for the DAG `evergreen__deliver`. Slack never fails a task and never holds one up for long.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.domain.alert import Alert, Topic, topic_of
from evergreen.domain.errors import EvergreenError
from evergreen.orchestration.slack_access import courier, is_for_slack, open_slack

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger

log = logging.getLogger(__name__)

Severity = Literal["info", "warning", "error"]
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
INLINE_BUDGET_S = 5.0  # after it no further message is begun
INLINE_TIMEOUT_S = 3  # of one request: a task has better things to do
TEXT_LENGTH = 1_000


def notify(
    ledger: Ledger,
    key: str,
    *,
    alert: Alert,
    model: str,
    severity: Severity,
    text: str,
    facts: Mapping[str, Any] | None = None,
    topic: Topic | None = None,
    status: str | None = None,
) -> bool:
    """Say something, unless it was said before under this key; return whether it was new.

    While the model has an open incident, it goes into its thread where the alert belongs there.

    Args:
        text: whole, without Slack: what the log and the ledger get.
        facts: what Slack shows instead of the text: `reasons` (a list), addresses (names that end
            in `_url`), and label and value of anything else that matters.
        topic: what it is about in its incident's thread; default: what the alert says.
        status: how the incident stands from now on, for the first message of its thread.
    """
    for_slack = _is_for_slack(model, ledger)
    new = ledger.post(
        key,
        model=model,
        severity=severity,
        text=text,
        alert=alert,
        facts=facts,
        topic=topic or topic_of(alert, facts),
        status=status,
        chart=alert is Alert.MODEL_STALE and bool(facts and "CTR" in facts),
        send=for_slack,
    )
    log.log(_LEVELS[severity] if new else logging.INFO, text if new else f"posted before: {text}")
    if new and for_slack:
        _deliver_now(model, ledger)
    return new


def report_failure(context: Mapping[str, Any]) -> None:
    """Post that a task has failed for good (`on_failure_callback`); a replay stays silent.

    Never raises: the ledger that cannot be reached may be the very reason of the failure.
    """
    from evergreen.orchestration.links import task_url  # Airflow's log takes a command's stdout
    from evergreen.orchestration.run_context import is_replay

    if is_replay(context):
        return
    ti = context["ti"]
    model = ti.dag_id.rpartition("__")[0]
    error = str(context.get("exception"))[:TEXT_LENGTH]
    text = f"{ti.dag_id}.{ti.task_id} failed in run {ti.run_id}: {error}"
    key = f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{ti.map_index}/failed-{ti.try_number}"
    facts = {
        "dag": ti.dag_id,
        "task": f"{ti.dag_id}.{ti.task_id}",
        "run": ti.run_id,
        "reasons": [error],
        "task_url": task_url(ti.dag_id, ti.run_id, ti.task_id, ti.map_index),
    }
    try:
        notify(
            open_ledger(),
            key,
            alert=Alert.TASK_FAILED,
            model=model,
            severity="error",
            text=text[:TEXT_LENGTH],
            facts=facts,
            status=f"{ti.task_id} failed; it needs a person",
        )
    except EvergreenError as failure:
        log.error("%s (not posted: %s)", text, failure)


def _is_for_slack(model: str, ledger: Ledger) -> bool:
    try:
        return is_for_slack(spec_of(model), ledger)
    except EvergreenError as error:  # a spec that cannot be read may name a channel when mended
        log.warning("%s", error)
        return ledger.has_reached_slack()


def _deliver_now(model: str, ledger: Ledger) -> None:
    """Try to send what waits for a model; whatever goes wrong, it waits on."""
    try:
        slack = open_slack(timeout_s=INLINE_TIMEOUT_S)
        if slack is None:
            return
        quick = courier(slack, ledger, may_search=False)
        done = quick.visit(spec_of(model), budget_s=INLINE_BUDGET_S)
    except Exception as error:
        log.warning("not sent to Slack yet: %s: %s", type(error).__name__, error)
        return
    if done.unreachable or done.refused:
        log.warning("not sent to Slack yet: %s", done.unreachable or done.refused)
