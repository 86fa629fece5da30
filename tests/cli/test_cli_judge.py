"""`evergreen judge ctr` and `drift`: an answer for people and for programs, and no record."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from typer.testing import CliRunner
from watched_shop import START, impressions

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.adapters.lake import Lake
from evergreen.cli.judge import app
from evergreen.domain.errors import HourNotClosed, ModelSpecInvalid
from evergreen.domain.windows import Window
from evergreen.monitor.hand_made import make_by_hand

AT = datetime(2011, 5, 6, 8, tzinfo=UTC)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def judge(sensor: str, *options: str) -> str:
    return run(sensor, "--model", "shop", "--at", "2011-05-06T08", *options)


@pytest.fixture
def watched(shop: Lake) -> Lake:
    """Return the lake of a shop whose version has a profile, and whose next hour is bad."""
    spec, window = spec_of("shop"), Window(START, START + timedelta(days=4))
    make_by_hand(spec, "theirs", window, lake=open_lake(spec), ledger=open_ledger())
    bad = impressions(AT, clicks=0).with_columns(
        item_id=pl.lit("a"), colour=pl.lit(None, dtype=pl.String)
    )
    shop.land_hour("impressions", AT, bad)
    return shop


def test_ctr_for_people(watched: Lake) -> None:
    first, *lines = judge("ctr").splitlines()
    assert first.startswith("shop 2011-05-06T08, version theirs: CTR dropped? no: CTR 9.70%, exp")
    assert [line.split()[0] for line in lines] == [
        "CTR",
        "interval",
        "expected",
        "evidence",
        "since",
    ]
    assert lines[0].endswith("9.70%  256 clicks of 2,640 mature impressions")
    assert lines[2].endswith("10.00%, allowed from 8.50%")
    assert "2011-05-06T08, if anything: CTR 0.00%, expected 10.00% (-100%)" in lines[4]


def test_ctr_for_programs(watched: Lake) -> None:
    said = json.loads(judge("ctr", "--json"))
    assert (said["sensor"], said["verdict"], said["model_version"]) == ("ctr", "no", "theirs")
    assert (said["ctr"]["successes"], said["since"]) == (256, "2011-05-06T08")


def test_drift_for_people(watched: Lake) -> None:
    page = judge("drift")
    lines = page.splitlines()
    rows = [line for line in lines if "│" in line]
    assert [row.split()[1] for row in rows[:4]] == ["item_id", "item_id", "source", "source"]
    colour = next(row for row in rows if "colour" in row and "1h" in row)
    assert "missing" in colour
    assert "100.0% of rows" in colour
    assert lines[-1].startswith("shop 2011-05-06T08, version theirs: drift? yes: drifted: ")


def test_drift_for_programs(watched: Lake) -> None:
    said = json.loads(judge("drift", "--json"))
    assert said["verdict"] == "yes"
    found = {(c["column"], c["view"]): c.get("kind") for c in said["columns"]}
    assert found["colour", "1h"] == "missing"
    assert found["price", "1h"] is None
    assert len(found) == 8


def test_nothing_is_recorded(watched: Lake) -> None:
    judge("ctr")
    judge("drift")
    assert open_ledger().measurements("shop", Window(START, AT + timedelta(days=1))) == []


def test_without_a_profile_there_is_not_enough_data(shop: Lake) -> None:
    said = run("ctr", "--model", "shop", "--at", "2011-05-05T15")
    assert "CTR dropped? not enough data: no baseline CTR to compare with" in said
    said = run("drift", "--model", "shop", "--at", "2011-05-05T15")
    assert "drift? not enough data: no reference profile to compare with" in said


def test_an_hour_or_a_model_that_is_not_there(shop: Lake) -> None:
    with pytest.raises(HourNotClosed, match="impressions of hour 2011-05-05T16 are not closed"):
        run("ctr", "--model", "shop", "--at", "2011-05-05T16")
    with pytest.raises(ModelSpecInvalid, match="every model folder needs one"):
        run("drift", "--model", "news", "--at", "2011-05-05T16")
