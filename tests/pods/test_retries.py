"""Which of a step's errors are tried again."""

from __future__ import annotations

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from evergreen.domain.errors import ManifestInvalid, RunUnreachable, SettingsInvalid, StepFailed
from evergreen.orchestration.models import RETRY_POLICY
from evergreen.trainer.manifest import RunDir


def test_what_may_be_back_soon_is_tried_again() -> None:
    for error in (RunUnreachable("store"), StepFailed("pod")):
        assert RETRY_POLICY.evaluate(error, 1, 3).action is RetryAction.RETRY
    for error in (ManifestInvalid("digest"), SettingsInvalid("no image")):
        assert RETRY_POLICY.evaluate(error, 1, 3).action is RetryAction.FAIL


def test_a_run_directory_that_cannot_be_reached() -> None:
    with pytest.raises(RunUnreachable, match="cannot read nowhere://runs/x/"):
        RunDir("nowhere://runs/x").result("build_dataset")
