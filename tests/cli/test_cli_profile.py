"""`evergreen profile make` and `show`: what is expected of a version that others trained."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from evergreen.adapters.installation import open_ledger
from evergreen.adapters.lake import Lake
from evergreen.cli.profile import app, sparkline
from evergreen.domain.errors import VersionUnknown, WindowEmpty, WindowInvalid

WEEK = ("--from", "2011-05-02T00", "--to", "2011-05-06T00")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def make(*options: str) -> str:
    return run("make", "--model", "shop", "--version", "theirs", *WEEK, *options)


def test_make_keeps_the_profile_and_says_what_was_open(shop: Lake) -> None:
    said = json.loads(make("--json"))
    assert (said["version"], said["hours"], said["closed_hours"]) == ("theirs", 96, 32)
    assert said["replaced"] is None
    assert said["ctr"]["rate"] == pytest.approx(0.1)
    assert said["columns"]["item_id"]["labels"] == ["a", "b", "c", "d", "other", "missing"]
    assert said["columns"]["item_id"]["shares"] == [0.25, 0.25, 0.25, 0.25, 0.0, 0.0]
    assert said["columns"]["price"]["importance"] == 0.5
    kept = open_ledger().profile("shop", "theirs")
    assert kept is not None
    assert kept["ctr"] == said["ctr"]


def test_make_ends_the_incident_of_a_model_that_is_trained_elsewhere(shop: Lake) -> None:
    ledger = open_ledger()
    ledger.open_incident("shop", datetime(2011, 5, 2, tzinfo=UTC), evidence={})
    make()
    (incident,) = ledger.incidents("shop")
    assert incident.outcome == "judged by a new profile of version theirs"


def test_make_leaves_out_what_is_in_quarantine_and_says_so(shop: Lake) -> None:
    noon = datetime(2011, 5, 2, 12, tzinfo=UTC)
    open_ledger().quarantine("shop", "impressions", noon, generation=1, reasons=["no clicks"])
    said = json.loads(make("--json"))
    assert (said["hours"], said["closed_hours"], said["quarantined_hours"]) == (96, 31, 1)
    text = make()
    assert "1 of 96 hours are in quarantine and are not in it" in text
    assert "64 of 96 hours are not closed" in text


def test_make_says_what_it_replaces(shop: Lake) -> None:
    first, second = make(), make()
    assert "is in force" in first
    assert "it is the first one" in first
    assert "64 of 96 hours are not closed and are not in it" in first
    assert "it replaces the one made by hand from [2011-05-02T00, 2011-05-06T00)" in second


def test_show_reads_like_a_page(shop: Lake) -> None:
    make()
    page = run("show", "--model", "shop", "--version", "theirs")
    assert "made by hand from [2011-05-02T00, 2011-05-06T00)" in page
    assert "10.000% ±" in page
    assert "2,560 mature impressions in 32 hours" in page
    assert "0.75 false alarms a year; looks for drops of 10%, 15%, 25%, 40%, 50%" in page
    for column in ("item_id", "source", "price", "colour"):
        assert column in page
    assert "red 80.0%, blue 20.0%, other 0.0%, missing 0.0%" in page


def test_show_without_a_version_is_who_serves(shop: Lake) -> None:
    make()
    assert json.loads(run("show", "--model", "shop", "--json"))["version"] == "theirs"


def test_show_of_a_version_without_profile_says_how_to_make_one(shop: Lake) -> None:
    with pytest.raises(VersionUnknown, match=r"`evergreen profile make --model shop --version th"):
        run("show", "--model", "shop")


def test_make_needs_impressions_and_a_window(shop: Lake) -> None:
    with pytest.raises(WindowEmpty, match="no impressions of version 'ours'"):
        run("make", "--model", "shop", "--version", "ours", *WEEK)
    with pytest.raises(WindowInvalid, match="is not spelt like"):
        run("make", "--model", "shop", "--version", "theirs", "--from", "May", "--to", "June")


def test_a_sparkline() -> None:
    assert sparkline((0.5, 0.75, 1.0, 1.5), 0.5, 1.5) == "▁▂▄█"
    assert sparkline((1.0, 1.0), 1.0, 1.0) == "▁▁"
