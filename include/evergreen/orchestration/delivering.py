"""The task that sends what waits for Slack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.config.settings import settings
from evergreen.orchestration.slack_access import courier, open_slack

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger
    from evergreen.messaging.drain import Drained

BUDGET_S = 120.0  # less than the DAG's interval
PACE_S = 1.0  # Slack takes one message a second for each channel


class DeliverMessages(BaseOperator):
    """Sends what waits, in order and each message once; skips when nothing does.

    While Slack is away it succeeds and the messages wait. It fails where a person must mend
    something: the token, a channel, the app's rights, a model.yaml.
    """

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was sent, and why the rest was not."""
        ledger = open_ledger()
        due = ledger.models_due(datetime.now(UTC))
        if not due:
            raise AirflowSkipException("no message waits")
        done = deliver(ledger, due)
        if done is None:
            raise AirflowFailException(
                f"messages of {', '.join(due)} wait and there is no token: set the password of the "
                f"connection {settings().slack_connection}, or EVERGREEN_SLACK_TOKEN"
            )
        if done.refused:
            raise AirflowFailException(f"messages wait until somebody mends this: {done.refused}")
        if done.unreachable:
            self.log.warning("messages wait until Slack is back: %s", done.unreachable)
        return {**asdict(done), "busy": list(done.busy)}


def deliver(ledger: Ledger, models: list[str], *, budget_s: float = BUDGET_S) -> Drained | None:
    """Send what waits for these models; None, and nothing done, without a token."""
    slack = open_slack()
    if slack is None:
        return None
    from evergreen.messaging.drain import drain

    carrier = courier(slack, ledger, pace_s=PACE_S)
    return drain(carrier, models, spec_of=spec_of, budget_s=budget_s)
