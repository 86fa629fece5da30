"""Slack as this installation reaches it: the token from a setting or from Airflow's connection."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import settings

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger
    from evergreen.adapters.ledger_rows import Message
    from evergreen.adapters.slack import Slack
    from evergreen.messaging.courier import Courier

log = logging.getLogger(__name__)

TIMEOUT_S = 10


def open_slack(*, timeout_s: int = TIMEOUT_S) -> Slack | None:
    """Return Slack; None where no token is set up."""
    access = _access()
    if access is None:
        return None
    from evergreen.adapters.slack import Slack

    token, url = access
    return Slack(token, url=settings().slack_url or url, timeout_s=timeout_s)


def is_for_slack(spec: ModelSpec, ledger: Ledger) -> bool:
    """Say whether a model's messages are to reach Slack.

    They are where the model names a channel and there is a token; also where the token cannot be
    seen just now, but Slack has taken messages before: then they wait.
    """
    if not any(spec.channel_for(severity) for severity in ("info", "warning", "error")):
        return False
    return _access() is not None or ledger.has_reached_slack()


def courier(
    slack: Slack, ledger: Ledger, *, pace_s: float = 0.0, may_search: bool = True
) -> Courier:
    """Return who carries messages from the ledger to Slack."""
    from evergreen.messaging.courier import Courier

    return Courier(
        ledger=ledger,
        slack=slack,
        chart=lambda spec, message: _chart(spec, message, ledger),
        runbooks_url=settings().runbooks_url,
        pace_s=pace_s,
        may_search=may_search,
    )


def _chart(spec: ModelSpec, message: Message, ledger: Ledger) -> bytes | None:
    from evergreen.monitor.ctr_chart import ctr_chart

    incident = ledger.incident(message.incident) if message.incident else None
    return None if incident is None else ctr_chart(spec, incident.hour, ledger=ledger)


def _access() -> tuple[str, str] | None:
    """Return token and base URL, which may be empty."""
    token = settings().slack_token
    if token is not None and token.get_secret_value().strip():
        return token.get_secret_value(), ""
    if "airflow" not in sys.modules and "AIRFLOW_HOME" not in os.environ:
        return None  # a laptop without Airflow: importing it would make one in the home folder
    connection = _connection(settings().slack_connection)
    if connection is None or not connection.password:
        return None
    return connection.password, str(connection.extra_dejson.get("base_url") or "")


def _connection(name: str) -> Any:
    """Return Airflow's connection, or None; a command's output stays its own.

    Airflow, when it is imported, sends everybody's log to stdout.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        from airflow.sdk import Connection

        return Connection.get(name)
    except Exception as error:  # not there, or not to be had: Airflow does not tell which
        log.debug("no Slack connection: %s", type(error).__name__)
        return None
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
