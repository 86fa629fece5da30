"""Tuning: who goes on, what is proposed, and model.yaml edited without losing a comment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import yaml
from quick_shop import MODEL

from evergreen.backtest.halving import Score, Tried, front, halve, parts_of, proposed
from evergreen.backtest.settings_space import SPACE, Settings, assignments, draw
from evergreen.backtest.yaml_edit import snippet, with_values
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import BacktestInvalid
from evergreen.domain.windows import Window
from evergreen.storefront.shop import START

WEEK = timedelta(weeks=1)
WINDOW = Window(START, START + 8 * WEEK)
TEXT = (PROJECT / "include" / "models" / MODEL / "model.yaml").read_text()


def test_windows_grow_to_the_whole() -> None:
    ends = [(w.end - START) / WEEK for w in parts_of(WINDOW, 4)]
    assert ends == [2, 4, 6, 8]
    assert {w.start for w in parts_of(WINDOW, 4)} == {START}
    with pytest.raises(BacktestInvalid, match="each of a week at least"):
        parts_of(WINDOW, 9)
    with pytest.raises(BacktestInvalid):
        parts_of(WINDOW, 1)


class Known:
    """Judges settings by a click rate that is known, and keeps what it was asked."""

    def __init__(self, rates: dict[Any, float], late: dict[Any, float] | None = None) -> None:
        self.rates, self.late, self.asked = rates, late or {}, []

    def __call__(self, settings: Sequence[Settings], window: Window) -> list[Score]:
        self.asked.append((len(settings), window))
        weeks = window.length // WEEK
        return [self._score(one.get("a", 0), weeks) for one in settings]

    def _score(self, a: Any, weeks: int) -> Score:
        early, late = min(weeks, 6), max(weeks - 6, 0)
        rate, last = self.rates[a], self.late.get(a, self.rates[a])
        clicks = round(1_000 * (early * rate + late * last))
        return Score(clicks=clicks, impressions=1_000 * weeks, retrains=weeks)


def test_the_better_half_goes_on_and_the_last_part_chooses_nothing() -> None:
    settings = [{}, *({"a": a} for a in range(1, 8))]
    judge = Known({a: 0.10 + a / 100 for a in range(8)})
    tried = halve(settings, parts_of(WINDOW, 4), judge, price=1.0)
    assert [count for count, _ in judge.asked] == [8, 4, 2, 2]
    assert tried[0].settings == {"a": 7}
    assert tried[0].proof == Score(clicks=340, impressions=2_000, retrains=2)
    assert len(tried) == 8
    assert [t.settings for t in tried if t.proof] == [{"a": 7}, {}]
    best = proposed(tried, price=1.0)
    assert best is not None
    assert best.settings == {"a": 7}


def test_what_fails_on_the_last_part_is_not_proposed() -> None:
    judge = Known({0: 0.10, 1: 0.20}, late={1: 0.05})
    tried = halve([{}, {"a": 1}], parts_of(WINDOW, 4), judge, price=0.0)
    assert tried[0].settings == {"a": 1}
    assert proposed(tried, price=0.0) is None


def test_retrainings_have_a_price() -> None:
    score = Score(clicks=100, impressions=1_000, retrains=3)
    assert score.worth(20.0) == 40.0
    assert score.ctr == 0.1


def test_the_front_leaves_out_what_is_beaten() -> None:
    def tried(retrains: int, clicks: int) -> Tried:
        score = Score(clicks=clicks, impressions=1_000, retrains=retrains)
        return Tried(settings={"r": retrains}, scores=(score,), proof=score)

    found = front([tried(3, 90), tried(1, 50), tried(2, 100), tried(4, 110)])
    assert [(count, ctr) for count, ctr, _ in found] == [(1, 0.05), (2, 0.1), (4, 0.11)]


def test_settings_are_drawn_once_and_can_be_parsed() -> None:
    drawn = draw(20, seed=3)
    assert drawn == draw(20, seed=3)
    assert drawn[0] == {}
    assert len({str(one) for one in drawn}) == 20
    assert set(drawn[1]) == set(SPACE)
    assert "monitor.trigger.cooldown=24h" in assignments({"monitor.trigger.cooldown": "24h"})


def test_comments_stay() -> None:
    values = {
        "monitor.trigger.cooldown": "72h",
        "monitor.window": "14d",
        "monitor.ctr.min_drop": 0.2,
        "train.variants": ["full_28d"],
        "monitor.drift.min_psi": 0.2,
    }
    edited = with_values(TEXT, values)
    body = yaml.safe_load(edited)
    assert body["monitor"]["trigger"]["cooldown"] == "72h"
    assert body["monitor"]["ctr"] == {"max_drop": 0.15, "min_drop": 0.2}
    assert body["monitor"]["drift"] == {"min_psi": 0.2}
    assert body["train"]["variants"] == ["full_28d"]
    assert "window: 14d               # whole weeks" in edited
    kept = [line for line in TEXT.splitlines() if line not in edited.splitlines()]
    assert len(kept) == 3  # the lines that were changed, and no others


def test_a_file_that_cannot_be_edited_is_left_alone() -> None:
    with pytest.raises(BacktestInvalid, match="by hand"):
        with_values("monitor: {trigger: {cooldown: 24h}}\n", {"monitor.trigger.cooldown": "72h"})
    assert yaml.safe_load(snippet({"a.b": 1, "a.c": "7d"})) == {"a": {"b": 1, "c": "7d"}}
