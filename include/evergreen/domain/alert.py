"""What people are told about. Each alert has a runbook of its name: `docs/runbooks/<alert>.md`."""

from __future__ import annotations

from enum import StrEnum


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
