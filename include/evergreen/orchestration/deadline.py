"""A retraining that takes longer than `train.deadline`: Airflow notices, and people are told once.

Airflow's scheduler looks at a run's deadline from the moment it was queued, whatever its tasks do.
The callback runs in the triggerer, so that it needs no slot of the workers that hang. Airflow 3.3.2
forgets a deadline when its run succeeds, but not when it fails; and `airflow dags test` of a DAG
that has one fails at its end (a real scheduler does not).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference

from evergreen.adapters.installation import open_ledger
from evergreen.config.durations import format_duration
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.alert import Alert
from evergreen.domain.errors import LedgerUnreachable
from evergreen.orchestration.links import run_url
from evergreen.orchestration.notifiers import notify
from evergreen.orchestration.run_context import is_replay_run

log = logging.getLogger(__name__)

TRIES = 5
PAUSE_S = 30.0
"""Airflow calls a deadline's callback once; a ledger that restarts must not lose the message."""
OVER = ("success", "failed")


def retrain_deadline(spec: ModelSpec) -> DeadlineAlert:
    """Return the deadline of a model's retraining.

    It counts from when the run was queued: one that waits for its turn that long is late too. Where
    a person may be asked, the time that the person has is added.
    """
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=deadline_of(spec),
        callback=AsyncCallback(
            post_missed,
            kwargs={"model": spec.model, "deadline": format_duration(deadline_of(spec))},
        ),
        name="train.deadline",
    )


def deadline_of(spec: ModelSpec) -> timedelta:
    """Return how long a retraining may take, from queued to done, with a person's answer."""
    asked = spec.deploy.approval != "never"
    return spec.train.deadline + (spec.deploy.approval_timeout if asked else timedelta(0))


async def post_missed(*, model: str, deadline: str, context: Mapping[str, Any]) -> str | None:
    """Tell people; what Airflow calls.

    Raises:
        LedgerUnreachable: after the last of several tries; the text is in the triggerer's log.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return await asyncio.to_thread(tell_missed, model, deadline, context)
        except LedgerUnreachable as error:
            if attempt == TRIES:
                raise
            log.warning("%s; next try in %s s", error, PAUSE_S)
            await asyncio.sleep(PAUSE_S)
    return None


def tell_missed(model: str, deadline: str, context: Mapping[str, Any]) -> str | None:
    """Post that a run has missed its deadline, once a run; return the text, None for silence.

    A replay is silent. So is a run that was over in time: Airflow forgets the deadline of a run
    that succeeded, and keeps that of one that failed, which people were told of already.

    Args:
        model: Whose retraining.
        deadline: How long it may take, as people write it: `4h`.
        context: Airflow's: the run as its REST API shows it, and the deadline.
    """
    run = context["dag_run"]
    due = _moment(context["deadline"]["deadline_time"])
    if is_replay_run(run) or _was_over(run, due):
        log.info("not posted: %s was over in time, or is a replay", run["dag_run_id"])
        return None
    address = run_url(run["dag_id"], run["dag_run_id"])
    text = (
        f"{model}: the retraining {run['dag_run_id']} takes longer than {deadline} "
        f"(train.deadline): it was due at {due:%Y-%m-%d %H:%M} UTC and is {run['state']}; "
        f"the champion goes on serving; run: {address}"
    )
    notify(
        open_ledger(),
        f"{run['dag_id']}/{run['dag_run_id']}/deadline",
        alert=Alert.DEADLINE_MISSED,
        model=model,
        severity="error",
        text=text,
        facts={
            "run": run["dag_run_id"],
            "due": f"{due:%Y-%m-%d %H:%M} UTC",
            "state": run["state"],
            "run_url": address,
        },
    )
    return text


def _was_over(run: Mapping[str, Any], due: datetime) -> bool:
    ended = run.get("end_date")
    return run["state"] in OVER and ended is not None and _moment(ended) <= due


def _moment(said: datetime | str) -> datetime:
    return said if isinstance(said, datetime) else datetime.fromisoformat(said)
