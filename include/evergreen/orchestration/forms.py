"""The forms of runs by hand: their fields, what these may hold, and the help beside them."""

from __future__ import annotations

from airflow.sdk import Param

from evergreen.config.durations import format_duration
from evergreen.config.model_spec import ModelSpec

REASON_LENGTH = 500


def replay_form(what: str) -> dict[str, Param]:
    """Return the form of a DAG that can look at the past without acting on it.

    Args:
        what: Said beside the field: what a replay does.
    """
    return {"replay": Param(False, type="boolean", title="Replay", description=what)}


def retrain_form(spec: ModelSpec) -> dict[str, Param]:
    """Return the form of a retraining. Every default must do: scheduled runs take them."""
    return {
        "window": Param(
            format_duration(spec.train.window),
            type="string",
            title="Window",
            pattern=r"^[1-9]\d{0,3}[dw]$",
            examples=["28d", "35d", "8w"],
            description="A number and d (days) or w (weeks): 28d, 5w. How much history to learn "
            "from; longer than train.validation and gate.holdout together.",
        ),
        "reason": Param(
            None,
            type=["null", "string"],  # with "" the form's button stays dark, without a word
            title="Reason",
            maxLength=REASON_LENGTH,
            description="Why? Kept in the ledger, beside the verdict.",
        ),
        "force": Param(
            False,
            type="boolean",
            title="Train again",
            description="Train although this very window was trained before. The gate still "
            "decides, and its bar rises with each attempt.",
        ),
    }


def rollback_form() -> dict[str, Param]:
    """Return the form of a rollback; both fields must be filled in."""
    return {
        "version": Param(
            type="integer",
            title="Version",
            minimum=1,
            description="The version that shall serve, from 1. `evergreen release history` and "
            "the panel list those that were released.",
        ),
        "reason": Param(
            type="string",
            title="Reason",
            minLength=3,
            maxLength=REASON_LENGTH,
            description="Why? At least three letters. Kept in the ledger.",
        ),
    }
