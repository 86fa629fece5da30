"""A release that is killed anywhere: one champion, readers see whole sets, the rest is repaired."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_releases import CONTEXTS, Aliases, publish

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.release.promote import follow

POINTS = 200


class Shop(threading.Thread):
    """Reads what is in force in a loop, and keeps every set that was not of one version."""

    def __init__(self, published: Published) -> None:
        super().__init__(daemon=True)
        self._published, self._closed = published, threading.Event()
        self.versions: list[int] = []
        self.mixed: list[object] = []

    def run(self) -> None:
        while not self._closed.wait(0.002):
            try:
                self._read()
            except Exception as error:
                self.mixed.append(error)

    def _read(self) -> None:
        current = self._published.current()
        if current is None:
            return
        version = current.version
        lists, popular = self._published.recommendations(version), self._published.popular(version)
        scores = {*lists["score"], *popular["score"]}
        if scores != {version} or lists.height != 2 * CONTEXTS:
            self.mixed.append((version, scores, lists.height))
        self.versions.append(version)

    def close(self) -> None:
        self._closed.set()
        self.join()


@pytest.fixture
def worker(tmp_path: Path, ledger: Ledger) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("killed_release.py")
    command = [sys.executable, str(script), str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def ask(worker: subprocess.Popen[str], version: int, expected: int, lines: int) -> str:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{version} {expected} {lines}\n")
    worker.stdin.flush()
    return worker.stdout.readline().strip()


def test_killed_at_random_points(
    spec: ModelSpec,
    ledger: Ledger,
    published: Published,
    registry: Aliases,
    worker: subprocess.Popen[str],
) -> None:
    ask(worker, 1, 0, 0)
    lines = int(ask(worker, 2, 1, 0))
    points = random.Random(7).sample(range(1, lines + 1), POINTS)
    shop = Shop(published)
    shop.start()
    begun = 0
    for version, point in enumerate(points, start=3):
        assert ask(worker, version, version - 1, point) == "killed"
        champion = ledger.champion(spec.model)
        assert champion is not None
        assert champion.version in (version - 1, version)
        begun += champion.version == version
        reconcile(spec, ledger, published, registry)
        assert ask(worker, version, version - 1, 0) != "killed"
        assert follow(spec, ledger, published, registry) == ""
        champion, current = ledger.champion(spec.model), published.current()
        assert champion is not None
        assert current is not None
        assert (champion.version, champion.fence) == (version, version)
        assert (current.version, current.fence) == (version, version)
        assert registry.champion(spec.model) == version
    shop.close()
    assert shop.mixed == []
    assert len(set(shop.versions)) > POINTS // 2  # it did read while versions changed
    assert shop.versions == sorted(shop.versions)
    assert len(ledger.releases(spec.model)) == POINTS + 2
    assert 0 < begun < POINTS  # the points lie on both sides of the commit


def reconcile(spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases) -> None:
    """Do what `evergreen release reconcile` does, and see that all name the ledger's champion."""
    champion = ledger.champion(spec.model)
    assert champion is not None
    if not published.has(champion.version):
        publish(published, champion.version)
    follow(spec, ledger, published, registry)
    current = published.current()
    assert current is not None
    assert (current.version, current.fence) == (champion.version, champion.fence)
    assert registry.champion(spec.model) == champion.version
