"""Names of policies, and keys that are set otherwise."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from quick_shop import MODEL

from evergreen.backtest.overrides import with_overrides
from evergreen.backtest.policies import parse_policies, parse_policy
from evergreen.backtest.replay import schedule_moments
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import BacktestInvalid, ModelSpecInvalid
from evergreen.domain.windows import Window
from evergreen.storefront.shop import START

DAY = timedelta(days=1)
RAW = yaml.safe_load((PROJECT / "include" / "models" / MODEL / "model.yaml").read_text())


def test_names() -> None:
    found = parse_policies("frozen, every_28d,weekly_gated,daily,triggered,daily")
    assert [policy.name for policy in found] == [
        *("frozen", "every_28d", "weekly_gated", "daily", "triggered")
    ]
    assert [policy.every for policy in found] == [None, 28 * DAY, 7 * DAY, DAY, None]
    assert [policy.gated for policy in found] == [False, False, True, False, True]
    assert [policy.triggered for policy in found] == [False, False, False, False, True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trigered", "did you mean triggered"),
        ("every_0d", "unknown policy 'every_0d'"),
        ("triggered_gated", "did you mean triggered"),
        (" , ", "no policy named"),
    ],
)
def test_unknown_ones_are_refused(text: str, words: str) -> None:
    with pytest.raises(BacktestInvalid, match=words):
        parse_policies(text)


def test_a_schedule_begins_after_the_first_champion() -> None:
    window = Window(START, START + 14 * DAY)
    assert schedule_moments(parse_policy("weekly"), window) == [START + 7 * DAY]
    assert len(schedule_moments(parse_policy("daily"), window)) == 13
    assert schedule_moments(parse_policy("frozen"), window) == []


def test_other_values() -> None:
    before = yaml.safe_dump(RAW)
    spec = with_overrides(
        RAW, ["monitor.trigger.cooldown=48h", "train.half_life=7d", 'train.variants=["full_28d"]']
    )
    assert spec.monitor.trigger.cooldown == 2 * DAY
    assert spec.train.half_life == 7 * DAY
    assert spec.train.variants == ("full_28d",)
    assert yaml.safe_dump(RAW) == before


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("monitor.trigger.cooldwn=1h", "unknown key monitor.trigger.cooldwn; did you mean cooldow"),
        ("monitor.ctr.max_drop=2", "monitor.ctr.max_drop: Input should be less than 1"),
        ("monitor.window.days=7", "monitor.window"),
    ],
)
def test_wrong_values_are_refused_as_in_the_file(assignment: str, words: str) -> None:
    with pytest.raises(ModelSpecInvalid, match=words):
        with_overrides(RAW, [assignment])


@pytest.mark.parametrize("assignment", ["monitor.window", "=7d", "monitor..window=7d", "a=[1"])
def test_what_is_no_assignment(assignment: str) -> None:
    with pytest.raises(BacktestInvalid, match="--set"):
        with_overrides(RAW, [assignment])


def test_the_shipped_file_is_not_touched(tmp_path: Path) -> None:
    assert with_overrides(RAW, ()).model == MODEL
