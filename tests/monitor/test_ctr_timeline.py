"""The picture's numbers, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sqrt

import pytest

from evergreen.adapters.ledger_views import CtrHour, HourCounts
from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.ctr_timeline import ctr_timeline, first_served, of_hours

NOON = datetime(2011, 5, 2, 12, tzinfo=UTC)
BASELINE = CtrBaseline(
    rate=0.1,
    shape=(1.0,) * 168,
    dispersion=2.0,
    rate_error=0.05,
    volume=(100.0,) * 168,
    impressions=10_000,
    hours=100,
)


def counts(
    hour: datetime, n: int = 100, clicks: int = 10, *, profile: str = "p", version: str | None = "1"
) -> HourCounts:
    return HourCounts(
        hour=hour,
        profile=profile,
        version=version,
        impressions=n,
        labelled=n,
        clicks=clicks,
        fallback=0,
    )


def day_until(end: datetime, **more: int) -> list[HourCounts]:
    return [counts(end - HOUR * back, **more) for back in range(24, 0, -1)]


def test_a_point_is_the_ctr_of_24_hours_with_its_band() -> None:
    window = Window(NOON - HOUR, NOON)
    line = ctr_timeline(window, day_until(NOON, clicks=8), [], {"p": BASELINE})
    half = 1.96 * sqrt(2.0 * 0.1 * 0.9 / 2_400 + (0.1 * 0.05) ** 2)
    assert line.at == [int((NOON - HOUR).timestamp())]
    assert line.ctr == [0.08]
    assert line.expected == [pytest.approx(0.1, abs=1e-6)]
    assert line.low == [pytest.approx(0.1 - half, abs=1e-6)]
    assert line.high == [pytest.approx(0.1 + half, abs=1e-6)]
    assert (line.impressions, line.version) == ([100], ["1"])


def test_hours_in_quarantine_and_without_labels_count_nothing() -> None:
    rows = [*day_until(NOON)[:-1], counts(NOON - HOUR, clicks=100)]
    window = Window(NOON - HOUR, NOON)
    line = ctr_timeline(window, rows, [], {"p": BASELINE}, left_out=[NOON - HOUR])
    assert line.ctr == [0.1]
    assert line.impressions == [100]
    empty = ctr_timeline(window, [], [], {})
    assert (empty.ctr, empty.expected, empty.low) == ([None], [None], [None])


def test_without_a_baseline_only_the_ctr_is_known() -> None:
    line = ctr_timeline(Window(NOON - HOUR, NOON), day_until(NOON), [], {})
    assert (line.ctr, line.expected, line.high) == ([0.1], [None], [None])


def test_what_the_sensor_said_stands_beside_it() -> None:
    said = [CtrHour(hour=NOON - HOUR, verdict="yes", evidence=12.0, level=9.0)]
    line = ctr_timeline(Window(NOON - 2 * HOUR, NOON), day_until(NOON), said, {"p": BASELINE})
    assert line.evidence == [None, 12.0]
    assert line.level == [None, 9.0]
    assert line.alarm == [False, True]


def test_fewer_points_end_with_the_newest_hour() -> None:
    window = Window(NOON - 8 * HOUR, NOON)
    line = ctr_timeline(window, day_until(NOON), [], {"p": BASELINE}, step_hours=3)
    assert line.at == [int((NOON - HOUR * back).timestamp()) for back in (7, 4, 1)]


def test_an_hour_is_counted_with_the_profile_that_it_was_measured_with() -> None:
    rows = [
        counts(NOON, n=9, profile="old", version=None),
        counts(NOON, n=5, profile="new", version="2"),
        counts(NOON + HOUR, n=3, profile="old", version=None),
        counts(NOON + HOUR, n=4, profile="new", version=None),
    ]
    kept = of_hours(rows)
    assert [(row.hour, row.impressions, row.version) for row in kept] == [
        (NOON, 5, "2"),
        (NOON + HOUR, 4, "2"),
    ]
    assert first_served(kept) == {"2": NOON}
    assert first_served([counts(NOON, n=0), counts(NOON + timedelta(hours=2))]) == {
        "1": NOON + timedelta(hours=2)
    }
