"""`evergreen backtest` and `tune` as they are typed: killed, resumed, and asked for nonsense."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from evergreen.backtest.summary import without_times
from evergreen.cli import app
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.errors import EvergreenError

sys.path.insert(0, str(PROJECT / "tests" / "backtest"))
from quick_shop import MODEL, make_models

pytestmark = pytest.mark.timeout(300)
COMMAND = [sys.executable, "-m", "evergreen.cli"]
TWO_DAYS = ["--builtin", "--from", "2025-02-17", "--to", "2025-02-19"]
ASKED = ["backtest", "--model", MODEL, *TWO_DAYS, "--policies", "frozen,daily,triggered"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_models(tmp_path_factory.mktemp("models"))


def environment(home: Path, models: Path) -> dict[str, str]:
    return {
        **os.environ,
        "EVERGREEN_HOME": str(home),
        "EVERGREEN_MODELS_DIR": str(models),
        "PYTHONPATH": str(PROJECT / "include"),
    }


def run(home: Path, models: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *command],
        env=environment(home, models),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def kill_in_the_middle(home: Path, models: Path) -> None:
    """Begin, and kill the parent as soon as one retraining is kept."""
    process = subprocess.Popen(
        [*COMMAND, *ASKED, "--jobs", "2"],
        env=environment(home, models),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    cache = home / "backtests" / MODEL / "cache"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not [*cache.glob("judged/[0-9a-f]*")]:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    while time.monotonic() < deadline and _members(process.pid):
        time.sleep(0.1)
    assert not _members(process.pid)  # its processes end with it


def _members(group: int) -> list[str]:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return []
    return [str(group)]


def report_in(home: Path) -> dict[str, Any]:
    (path,) = (home / "backtests" / MODEL).glob("*/backtest.json")
    assert path.with_name("backtest.png").stat().st_size > 10_000
    return dict(json.loads(path.read_text()))


def test_killed_and_resumed_it_finds_what_an_undisturbed_run_finds(
    tmp_path: Path, models: Path
) -> None:
    kill_in_the_middle(tmp_path / "killed", models)
    assert not [*(tmp_path / "killed" / "backtests" / MODEL).glob("*/backtest.json")]
    for home in ("killed", "undisturbed"):
        done = run(tmp_path / home, models, *ASKED, "--jobs", "1")
        assert done.returncode == 0, done.stderr[-2_000:]
        assert "picture: " in done.stdout
    one, other = (without_times(report_in(tmp_path / h)) for h in ("killed", "undisturbed"))
    assert json.dumps(one) == json.dumps(other)
    policies = one["policies"]
    assert list(policies) == ["frozen", "daily", "triggered"]
    assert [policies[name]["retrains"] for name in policies] == [0, 1, 1]
    assert policies["daily"]["ctr_share_of_daily"] == 1.0
    assert (one["hours"], one["change"]) == (48, "2025-04-28T00")
    told = policies["triggered"]
    assert told["alarms"] >= 1
    assert told["false_alarms"] == told["alarms"]  # the shop changes in April
    assert told["promotions"] + told["holds"] == told["retrains"]
    assert sum(day["clicks"] for day in told["days"]) == told["clicks"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policies", "dayly"], "did you mean daily"),
        (["--builtin", "--from", "2025-01-10"], "expected --from 2025-02-17T00 or later"),
        (["--builtin", "--from", "2025-03-01", "--to", "2025-03-01"], "shorter than a day"),
        (["--set", "monitor.windw=7d"], "did you mean window"),
        ([], "has no orders to replay"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    for name, value in environment(tmp_path, models).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    command = ["backtest", "--model", MODEL, *options]
    with pytest.raises(EvergreenError, match=words):  # `main` prints it and exits with 1
        CliRunner().invoke(app, command, catch_exceptions=False)
    settings.cache_clear()


def test_a_log_and_the_shop_are_not_both_replayed() -> None:
    for command in ("backtest", "tune"):
        options = [command, "--model", MODEL, "--builtin", "--data", "x.csv"]
        done = CliRunner().invoke(app, options)
        assert done.exit_code == 2
        assert "not both" in done.output


def test_tune_writes_only_when_it_is_asked_to(tmp_path: Path) -> None:
    models = make_models(tmp_path / "models")
    path = models / MODEL / "model.yaml"
    before = path.read_text()
    weeks = ["--builtin", "--from", "2025-02-17", "--to", "2025-03-03"]
    search = ["--trials", "2", "--parts", "2", "--clicks-a-retraining", "1000000"]
    done = run(tmp_path, models, "tune", "--model", MODEL, *weeks, *search, "--json")
    assert done.returncode == 0, done.stderr[-2_000:]
    said = json.loads(done.stdout)
    assert path.read_text() == before
    assert len(said["tried"]) >= 2
    assert said["own"]["settings"] == {}
    assert said["own"]["proof"] is not None
    if said["proposal"] is not None:
        done = run(tmp_path, models, "tune", "--model", MODEL, *weeks, *search, "--write")
        assert done.returncode == 0, done.stderr[-2_000:]
        body = yaml.safe_load(path.read_text())
        cooldown = said["proposal"]["settings"]["monitor.trigger.cooldown"]
        assert body["monitor"]["trigger"]["cooldown"] == cooldown
