"""`evergreen monitor replay` and `show` print words that people read, and JSON for programs."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from evergreen.adapters.lake import Lake
from evergreen.cli.monitor import app

HOURS = ("--from", "2011-05-03T08", "--to", "2011-05-03T09")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--model", "shop", *HOURS], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_a_replay_says(shop: Lake) -> None:
    assert run("replay").splitlines() == [
        "1 hours of shop: warn 1",
        "first request for a retraining: none",
    ]
    shown = {line.split()[1]: line for line in run("show").splitlines()}
    assert set(shown) == {"ctr", "drift", "hour_counts"}
    assert shown["hour_counts"].endswith("version theirs: 80 impressions, 8 clicks")
    assert "no reference profile" in shown["drift"]
    body = json.loads(run("show", "--json"))
    assert {m["sensor"] for m in body["measurements"]} == set(shown)


def test_hours_that_nobody_landed(shop: Lake) -> None:
    hours = ("--from", "2012-01-01T00", "--to", "2012-01-01T02")
    result = CliRunner().invoke(app, ["replay", "--model", "shop", *hours], catch_exceptions=False)
    assert result.stdout.startswith("0 hours of shop: none is closed\n")
