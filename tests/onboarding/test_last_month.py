"""What the sensors would have said: quiet weeks are quiet, a halved CTR is found in a day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from made_lake import START, make_lake

from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import FeaturesSpec, ModelSpec, TrainSpec
from evergreen.domain.windows import Window
from evergreen.onboarding.last_month import last_month, windows_of

DAY = timedelta(days=1)
SPEC = ModelSpec(
    model="shop",
    description="",
    owner="",
    features=FeaturesSpec(numeric=("price",), categorical=("device",)),
    train=TrainSpec(enabled=False),
)


@pytest.mark.parametrize(
    ("days", "reference", "judged"),
    [
        (10, (0, 5), (5, 10)),
        (100, (44, 72), (72, 100)),
        (60, (4, 32), (32, 60)),
        (7, (0, 4), (4, 7)),
    ],
)
def test_the_newest_days_are_judged_by_those_before(
    days: int, reference: tuple[int, int], judged: tuple[int, int]
) -> None:
    def window(part: tuple[int, int]) -> Window:
        return Window(START + part[0] * DAY, START + part[1] * DAY)

    assert windows_of(window((0, days))) == (window(reference), window(judged))


def test_fewer_than_six_days_are_too_few() -> None:
    assert windows_of(Window(START, START + 5 * DAY)) is None
    assert windows_of(None) is None


def test_quiet_days_ask_for_nothing(tmp_path: Path) -> None:
    url = make_lake(tmp_path / "lake", days=8)
    said = last_month(SPEC, Lake(str(url)), Window(START, START + 8 * DAY))
    assert said is not None
    assert (said.hours, said.alarmed_hours, said.requests) == (96, 0, ())
    assert said.promised == pytest.approx(4 / 365)


def test_a_halved_ctr_asks_within_a_day_and_again_each_day(tmp_path: Path) -> None:
    url = make_lake(tmp_path / "lake", days=8, drop_on=6)
    said = last_month(SPEC, Lake(str(url)), Window(START, START + 8 * DAY))
    assert said is not None
    first = said.requests[0]
    assert START + 6 * DAY <= first.hour < START + 7 * DAY
    assert first.sensor == "ctr"
    assert "expected" in first.reason
    gaps = [b.hour - a.hour for a, b in zip(said.requests, said.requests[1:], strict=False)]
    assert gaps
    assert all(gap >= DAY for gap in gaps)
