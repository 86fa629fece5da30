"""Lines by time, and an estimate of what is left: exact on a clock made by hand."""

from __future__ import annotations

import pytest

from evergreen.trainer.progress import Progress, in_words, say, seconds_left


@pytest.mark.parametrize(
    ("done", "total", "elapsed_s", "left"),
    [(120, 200, 6.0, 4.0), (1, 4, 2.5, 7.5), (200, 200, 9.0, 0.0), (0, 200, 1.0, None)],
)
def test_seconds_left(done: int, total: int, elapsed_s: float, left: float | None) -> None:
    assert seconds_left(done, total, elapsed_s) == left


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89.4, "89 s"), (90, "2 min"), (3_569, "59 min"), (7_500, "2 h 05 min")],
)
def test_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_the_first_line_then_one_in_two_seconds_then_the_last() -> None:
    now, lines = 0.0, []
    progress = Progress(200, "rounds", clock=lambda: now, say=lines.append)
    for done in range(1, 201):
        now = done / 16
        progress.at(done, "valid logloss 0.31")
    assert lines == [
        "1/200 rounds, valid logloss 0.31, 12 s left",
        "33/200 rounds, valid logloss 0.31, 10 s left",
        "65/200 rounds, valid logloss 0.31, 8 s left",
        "97/200 rounds, valid logloss 0.31, 6 s left",
        "129/200 rounds, valid logloss 0.31, 4 s left",
        "161/200 rounds, valid logloss 0.31, 2 s left",
        "193/200 rounds, valid logloss 0.31, 0 s left",
        "200/200 rounds, valid logloss 0.31",
    ]


def test_a_quiet_loop_that_is_over_at_once_says_nothing() -> None:
    now, lines = 0.0, []
    progress = Progress(4, "rows", quiet=True, clock=lambda: now, say=lines.append)
    for done in range(1, 5):
        now = done * 0.5
        progress.at(done)
    assert lines == ["4/4 rows"]  # two seconds have passed
    progress = Progress(4, "rows", quiet=True, clock=lambda: now, say=lines.append)
    for done in range(1, 5):
        progress.at(done)
    assert lines == ["4/4 rows"]


def test_lines_end_and_never_go_back(capsys: pytest.CaptureFixture[str]) -> None:
    say("rows read", done=1_200, total=3_000)
    said = capsys.readouterr().err
    assert said.endswith("s] 1,200/3,000 rows read\n")
    assert "\r" not in said
