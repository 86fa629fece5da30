"""What people are told about. Each alert has a runbook of its name: `docs/runbooks/<alert>.md`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Alert(StrEnum):
    """The kinds of message, by what happened."""

    MODEL_STALE = "model_stale"
    """The sensors are sure: the CTR fell, inputs drifted or the model is too old. It retrains."""
    MODEL_SUSPECT = "model_suspect"
    """Evidence, and nothing was started: cooldown, budget, too little data, or no gain in it."""
    HOUR_LATE = "hour_late"
    """An hour of the lake is not closed `late_after` its end."""
    HOURS_QUARANTINED = "hours_quarantined"
    """The nightly validation put hours aside, or warns of a day."""
    CHALLENGER_PROMOTED = "challenger_promoted"
    """The gate's winner serves."""
    CHALLENGER_HELD = "challenger_held"
    """The champion stays, with the gate's reasons."""
    APPROVAL_WAITING = "approval_waiting"
    """A person is asked whether a challenger may serve."""
    PROBATION_FAILED = "probation_failed"
    """A new champion earned less than its predecessor and was rolled back by itself."""
    SMOKE_TEST_FAILED = "smoke_test_failed"
    """A published set cannot serve; the one before was restored."""
    ROLLED_BACK = "rolled_back"
    """A person put an older version back."""
    ALIAS_MOVED = "alias_moved"
    """The registry's alias did not name the ledger's champion."""
    DEADLINE_MISSED = "deadline_missed"
    """A retraining takes longer than `train.deadline`."""
    TASK_FAILED = "task_failed"
    """A task failed for good."""
    DELIVERY_FAILED = "delivery_failed"
    """Slack refuses messages for good: the token, the channel or the rights."""


class Topic(StrEnum):
    """What the messages of one incident are about. There is one message a topic in its thread.

    What is said again about a topic changes its message. So a thread has eight messages at most,
    however many events its incident has.
    """

    NOTICED = "noticed"
    """The model is stale, or still is; how sure, since when."""
    CHART = "chart"
    """The picture of the CTR."""
    RETRAINING = "retraining"
    """A retraining has started."""
    VERDICT = "verdict"
    """What the gate says, where something follows: a person's answer, or the deployment."""
    OUTCOME = "outcome"
    """Deployed, or held."""
    SETBACK = "setback"
    """A version was put back: by its probation, its smoke test or a person."""
    FAILURE = "failure"
    """A task of the retraining failed for good."""
    DEADLINE = "deadline"
    """The retraining takes too long."""


_TOPICS = {
    Alert.MODEL_STALE: Topic.NOTICED,
    Alert.MODEL_SUSPECT: Topic.NOTICED,
    Alert.APPROVAL_WAITING: Topic.VERDICT,
    Alert.CHALLENGER_PROMOTED: Topic.OUTCOME,
    Alert.CHALLENGER_HELD: Topic.OUTCOME,
    Alert.PROBATION_FAILED: Topic.SETBACK,
    Alert.SMOKE_TEST_FAILED: Topic.SETBACK,
    Alert.ROLLED_BACK: Topic.SETBACK,
    Alert.DEADLINE_MISSED: Topic.DEADLINE,
    Alert.TASK_FAILED: Topic.FAILURE,
}
_OF_THE_DATA = ("monitor_hourly", "validate_nightly")


def topic_of(alert: Alert, facts: Mapping[str, Any] | None = None) -> Topic | None:
    """Return what a message is about in the thread of its model's open incident.

    None where it has nothing to do with one: it stands alone. So do the failed tasks of the monitor
    and of the validation, which are about the lake.

    Example:
        >>> topic_of(Alert.MODEL_SUSPECT), topic_of(Alert.HOUR_LATE)
        (<Topic.NOTICED: 'noticed'>, None)
    """
    if alert is Alert.TASK_FAILED and str((facts or {}).get("dag", "")).endswith(_OF_THE_DATA):
        return None
    return _TOPICS.get(alert)
