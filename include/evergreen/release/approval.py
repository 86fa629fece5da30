"""A person's answer on record: beside the retraining's verdict, whatever became of it."""

from __future__ import annotations

from evergreen.adapters.ledger import Ledger
from evergreen.domain.approval import ApprovalRecord


def keep_answer(ledger: Ledger, run_key: str, record: ApprovalRecord) -> None:
    """Add the answer to the body of the retraining's run, instead of an earlier one.

    A run that the gate has not closed has no body to add to, and is left as it is.
    """
    run = ledger.run(run_key)
    if run is None or run.verdict is None:
        return
    body = {**(run.body or {}), "approval": record.body()}
    ledger.close_run(run_key, verdict=run.verdict, version=run.version, body=body)
