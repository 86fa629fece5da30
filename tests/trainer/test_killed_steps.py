"""Steps that are killed with SIGKILL, anywhere, and run again: whole results, once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from made_shop import MODEL, Shop

from evergreen.trainer.manifest import RunDir

KILLED = Path(__file__).with_name("killed")
SEED = 7


class Steps:
    """The steps of one run, each a process of its own."""

    def __init__(self, shop: Shop, folder: str) -> None:
        self.shop, self.run = shop, RunDir(folder)
        self._random = random.Random(SEED)

    def start(self, name: str, *options: str, at_write: int = 0) -> subprocess.Popen[str]:
        paths = [str(KILLED), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            **self.shop.environment,
            "PYTHONPATH": os.pathsep.join(paths),
            "KILLED_AT_WRITE": str(at_write),
            "OMP_NUM_THREADS": "1",  # idle threads of many libraries cost more than they bring
            "POLARS_MAX_THREADS": "1",
        }
        command = [sys.executable, "-m", "evergreen.cli", "step", name, *options, "--json"]
        return subprocess.Popen(
            [*command, "--run-dir", self.run.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def killed_at_write(self, number: int, name: str, *options: str) -> None:
        """Let it die with half of its n-th file written."""
        with self.start(name, *options, at_write=number) as process:
            _, said = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, said

    def killed_after_line(self, words: str, name: str, *options: str, most_s: float = 0.0) -> None:
        """Kill it once it has said these words, and a seeded moment later."""
        with self.start(name, *options) as process:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if words in line:
                    break
            time.sleep(self._random.uniform(0, most_s))
            process.kill()
        assert process.returncode == -signal.SIGKILL, said

    def finished(self, name: str, *options: str) -> dict[str, Any]:
        """Run it to its end and return what it printed."""
        with self.start(name, *options) as process:
            said, progress = process.communicate(timeout=120)
        assert process.returncode == 0, progress
        return dict(json.loads(said))

    def whole(self, step: str) -> dict[str, str]:
        """See that a step is stored once, and return the digests of its files."""
        folder = Path(self.run.url) / step
        assert [p.name for p in folder.rglob("*_SUCCESS")] == ["_SUCCESS"]
        closing = json.loads((folder / "_SUCCESS").read_text())
        for name in closing["files"]:
            self.run.fetch(step, name, self.shop.home / "fetched")
        return dict(closing["files"])


@pytest.fixture
def fresh(shop: Shop) -> Steps:
    """A frozen window, and no step."""
    return Steps(shop, str(shop.freeze()["run_dir"]))


@pytest.fixture
def after_training(trained: tuple[Shop, str]) -> Steps:
    return Steps(*trained)


def test_build_dataset_and_train(fresh: Steps, after_training: Steps) -> None:
    fresh.killed_after_line("3/8 candidates", "build_dataset")
    assert fresh.run.files.list("build_dataset") == []
    for number in (4, 8):  # a table, and _SUCCESS
        fresh.killed_at_write(number, "build_dataset")
        assert fresh.run.result("build_dataset") is None
    said = fresh.finished("build_dataset")
    assert said == after_training.run.require("build_dataset")
    assert fresh.whole("build_dataset") == after_training.whole("build_dataset")

    fresh.killed_after_line("training on", "train")
    fresh.killed_at_write(2, "train")  # _SUCCESS; the model is there
    assert fresh.run.result("train/full_28d") is None
    said = fresh.finished("train")
    assert said == after_training.run.require("train/full_28d")
    assert fresh.whole("train/full_28d") == after_training.whole("train/full_28d")


def test_evaluate_registers_one_version(
    promoted_once: tuple[Shop, dict[str, Any]], tmp_path: Path
) -> None:
    """Killed while it talks to MLflow, and after it registered but before it said so."""
    shop = promoted_once[0].copy(tmp_path)  # MLflow's database is set up there
    frozen = shop.freeze(force=True)
    first = f"{shop.settings.runs_root(MODEL)}/{promoted_once[1]['run_key']}"
    for step in ("build_dataset", "train"):
        (Path(first) / step).rename(Path(frozen["run_dir"]) / step)
    steps, against = Steps(shop, frozen["run_dir"]), ("--champion", "1")
    steps.killed_after_line("registering", "evaluate", *against, most_s=0.5)
    steps.killed_at_write(2, "evaluate", *against)  # _SUCCESS
    assert steps.run.result("evaluate/champion=1") is None
    said = steps.finished("evaluate", *against)
    assert (said["version"], said["champion"]) == (2, 1)
    assert set(steps.whole("evaluate/champion=1")) == {"page_views.parquet", "scores.parquet"}
    key = frozen["run_key"]
    found = shop.registry._client.search_model_versions(f"tags.`evergreen.run_key` = '{key}'")
    assert [int(version.version) for version in found] == [2]
    assert shop.registry.fetch(MODEL, 2, "model.ubj", tmp_path / "fetched").exists()


def test_publish_leaves_the_old_set_or_the_new_one(after_training: Steps) -> None:
    steps, shop = after_training, after_training.shop
    options = ("--version", "1", "--fence", "1")
    for number in (2, 4):  # the popular list, CURRENT
        steps.killed_at_write(number, "publish", *options)
        assert shop.published.current() is None
    steps.killed_at_write(2, "publish", *options)  # the step's own _SUCCESS
    current = shop.published.current()
    assert current is not None
    assert (current.version, current.fence) == (1, 1)
    assert steps.run.result("publish/release=1") is None
    said = steps.finished("publish", *options)
    assert said["published_at"] == current.published_at.isoformat()
    assert steps.whole("publish/release=1") == {}
    assert shop.published.current() == current
    shop.published.verify(1)
    root = Path(shop.settings.published_root(MODEL))
    assert [str(p.relative_to(root)) for p in root.rglob("_SUCCESS")] == ["version=1/_SUCCESS"]
