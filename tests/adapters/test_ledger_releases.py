"""Compare and set: of many promotions at once exactly one wins, on both databases."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest

from evergreen.adapters.ledger import Ledger, Release
from evergreen.domain.errors import ChampionChanged, VersionBlocked

MODEL = "also_bought"
AS_OF = datetime(2011, 5, 2, 13, tzinfo=UTC)
AT_ONCE = 20


def release(ledger: Ledger, version: int, expected: int | None, **changes: Any) -> Release:
    said: dict[str, Any] = {
        "kind": "promotion",
        "run_key": f"run-{version}",
        "as_of": AS_OF,
        "reason": "better",
        "evidence": {"gain": 0.02},
    }
    return ledger.release(MODEL, version, expected=expected, **{**said, **changes})


def test_releases_are_numbered_without_gaps(ledger: Ledger) -> None:
    assert ledger.champion(MODEL) is None
    release(ledger, 3, None)
    second = release(ledger, 5, 3)
    release(ledger, 3, 5, kind="rollback", reason="worse")
    assert [(r.fence, r.version, r.kind, r.replaced_version) for r in ledger.releases(MODEL)] == [
        (1, 3, "promotion", None),
        (2, 5, "promotion", 3),
        (3, 3, "rollback", 5),
    ]
    assert (second.as_of, second.evidence, second.run_key) == (AS_OF, {"gain": 0.02}, "run-5")
    champion, older = ledger.champion(MODEL), ledger.released(MODEL, 3)
    assert champion is not None
    assert (champion.fence, older) == (3, champion)
    assert ledger.released(MODEL, 4) is None
    assert ledger.champion("other") is None


@pytest.mark.parametrize(
    ("expected", "words"),
    [(None, "judged against no champion, but"), (1, "judged against version 1, but")],
)
def test_a_stale_gate_is_refused(ledger: Ledger, expected: int | None, words: str) -> None:
    release(ledger, 2, None)
    with pytest.raises(ChampionChanged, match=f"{words} the champion is version 2 now"):
        release(ledger, 3, expected)
    assert len(ledger.releases(MODEL)) == 1


def test_the_same_release_again_returns_the_one_that_was_made(ledger: Ledger) -> None:
    release(ledger, 1, None)
    made = release(ledger, 2, 1)
    assert release(ledger, 2, 1) == made
    assert len(ledger.releases(MODEL)) == 2
    with pytest.raises(ChampionChanged):
        release(ledger, 2, 1, run_key="another")


def test_of_many_at_once_one_wins(ledger_url: str, ledger: Ledger) -> None:
    release(ledger, 1, None)
    ledgers = [Ledger(ledger_url) for _ in range(AT_ONCE)]
    barrier = Barrier(AT_ONCE)

    def attempt(number: int) -> Release | ChampionChanged:
        barrier.wait()
        try:
            return release(ledgers[number], 10 + number, 1)
        except ChampionChanged as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(attempt, range(AT_ONCE)))
    won = [answer for answer in said if isinstance(answer, Release)]
    assert len(won) == 1
    assert ledger.champion(MODEL) == won[0]
    assert [r.fence for r in ledger.releases(MODEL)] == [1, 2]
    losers = [str(answer) for answer in said if isinstance(answer, ChampionChanged)]
    assert all(f"the champion is version {won[0].version} now" in text for text in losers)
    for each in ledgers:
        each.close()


def test_round_after_round_one_wins_for_each_expected_version(
    ledger_url: str, ledger: Ledger
) -> None:
    """Twenty promotions at once, five times, each time against the champion of then."""
    ledgers = [Ledger(ledger_url) for _ in range(AT_ONCE)]
    expected, winners = None, []
    for turn in range(1, 6):
        barrier = Barrier(AT_ONCE)

        def attempt(
            number: int, turn: int = turn, against: int | None = expected, at: Barrier = barrier
        ) -> Release | ChampionChanged:
            at.wait()
            try:
                return release(ledgers[number], 100 * turn + number, against)
            except ChampionChanged as error:
                return error

        with ThreadPoolExecutor(AT_ONCE) as pool:
            said = list(pool.map(attempt, range(AT_ONCE)))
        (won,) = (answer for answer in said if isinstance(answer, Release))
        losers = [str(answer) for answer in said if isinstance(answer, ChampionChanged)]
        assert len(losers) == AT_ONCE - 1
        assert all(f"the champion is version {won.version} now" in text for text in losers)
        winners.append((won.fence, won.version, won.replaced_version))
        expected = won.version
    assert [(r.fence, r.version, r.replaced_version) for r in ledger.releases(MODEL)] == winners
    assert [fence for fence, _, _ in winners] == [1, 2, 3, 4, 5]
    for each in ledgers:
        each.close()


def test_a_promotion_that_lost_against_its_own_probation_is_blocked(ledger: Ledger) -> None:
    """The champion is the expected one again, so that compare and set alone would let it in."""
    release(ledger, 1, None)
    release(ledger, 2, 1)
    release(ledger, 1, 2, kind="probation", run_key="run-1")
    assert ledger.blocked(MODEL) == frozenset({2})
    with pytest.raises(VersionBlocked, match="evergreen release rollback"):
        release(ledger, 2, 1)
    assert [r.version for r in ledger.releases(MODEL)] == [1, 2, 1]


def test_the_same_promotion_many_times_at_once_is_one(ledger_url: str, ledger: Ledger) -> None:
    ledgers = [Ledger(ledger_url) for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda each: release(each, 7, None), ledgers))
    assert said == [ledger.champion(MODEL)] * AT_ONCE
    for each in ledgers:
        each.close()


WORKER = """
import sys
from datetime import UTC, datetime
from evergreen.adapters.ledger import Ledger
from evergreen.domain.errors import ChampionChanged
url, number = sys.argv[1], int(sys.argv[2])
ledger = Ledger(url)
sys.stdin.readline()
ledger.migrate()
try:
    made = ledger.release("also_bought", number, expected=None, kind="promotion", reason="",
        run_key=str(number), as_of=datetime(2011, 5, 2, tzinfo=UTC), evidence={})
    print("won", made.fence)
except ChampionChanged:
    print("lost")
"""


def test_processes_migrate_and_promote_at_once(ledger_url: str) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, ledger_url, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in (1, 2, 3)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    said = sorted(worker.communicate(timeout=120)[0].strip() for worker in workers)
    assert said == ["lost", "lost", "won 1"]
