"""Where the hours end whose labels are complete: one rule for sensors and training windows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from evergreen.config.model_spec import LakeSpec

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attribution_window", "end"),
    [
        ("0h", datetime(2011, 5, 2, 13, tzinfo=UTC)),
        ("30m", datetime(2011, 5, 2, 12, tzinfo=UTC)),
        ("90m", datetime(2011, 5, 2, 11, tzinfo=UTC)),
        ("24h", datetime(2011, 5, 1, 13, tzinfo=UTC)),
    ],
)
def test_labels_that_are_complete(attribution_window: str, end: datetime) -> None:
    spec = LakeSpec.model_validate({"attribution_window": attribution_window})
    assert spec.mature_end(HOUR) == end
