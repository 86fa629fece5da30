"""Log loss and calibration on the same items, worked out by hand."""

from __future__ import annotations

from math import log

import numpy as np
import polars as pl
import pytest

from evergreen.trainer.latency import p99_s
from evergreen.trainer.scores import both_score, calibrate, log_loss, score_sums


def test_a_score_is_taken_to_be_a_little_from_0_and_1() -> None:
    found = log_loss(np.array([0.25, 0.25, 1.0, 0.0]), np.array([True, False, False, False]))
    assert found.tolist() == pytest.approx([-log(0.25), -log(0.75), -log(1e-6), 0.0], abs=1e-5)


def test_calibration_by_hand() -> None:
    """Scores 0.05, 0.15 … each twice, of which the upper half is clicked once: ten bins of two."""
    score = np.repeat(np.arange(10) / 10 + 0.05, 2)
    clicked = np.array([0, 0] * 5 + [1, 0] * 5)
    found = calibrate(score, clicked)
    assert [b["rows"] for b in found.bins] == [2] * 10
    assert [b["observed"] for b in found.bins] == [0.0] * 5 + [0.5] * 5
    # |predicted - observed|: 0.05 … 0.45, then 0.05, 0.15, 0.25, 0.35, 0.45
    assert found.error == pytest.approx(0.25)
    assert found.signed.mean() == pytest.approx(found.error)


def test_nothing_shown() -> None:
    found = calibrate(np.zeros(0), np.zeros(0))
    assert found.bins == []
    assert np.isnan(found.error)


def shown(*rows: tuple[int, str, bool, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["view", "item_id", "clicked", "source"], orient="row")


def lists(*rows: tuple[str, str, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["context_item_id", "item_id", "score"], orient="row")


def test_only_items_that_both_score_count_and_each_once() -> None:
    contexts = pl.Series(["a", "b"])
    mine = shown((0, "x", True, "model"), (0, "p", False, "fallback"), (1, "x", False, "model"))
    theirs = shown((0, "x", True, "model"), (0, "y", False, "model"))
    scores = (
        lists(("a", "x", 0.5), ("a", "y", 0.2), ("b", "x", 0.4)),
        lists(("a", "x", 0.4), ("a", "y", 0.1), ("b", "z", 0.9)),
    )
    pairs = both_score([mine, theirs], list(scores), contexts)
    assert pairs.rows() == [(0, True, 0.5, 0.4), (0, False, 0.2, 0.1)]
    sums = score_sums(pl.Series(["u", "v"]), pairs, ["challenger", "champion"])
    assert sums["cluster"].to_list() == ["u", "v"]
    assert sums["pairs"].to_list() == [2.0, 0.0]
    assert sums["challenger_loss"].to_list() == pytest.approx([-log(0.5) - log(0.8), 0.0])
    assert sums["champion_loss"].to_list() == pytest.approx([-log(0.4) - log(0.9), 0.0])


def test_nothing_to_score_takes_no_time() -> None:
    assert p99_s({}, lists()) == {}
