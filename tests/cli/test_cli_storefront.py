"""`evergreen storefront`: a small log from file to lake."""

import json

import pytest
from typer.testing import CliRunner

from evergreen.cli.storefront import app
from evergreen.config.settings import settings
from evergreen.domain.errors import SalesLogInvalid, WindowInvalid

CSV = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,a,,1,2011-05-02 09:10:00,2.5,17850,EIRE
1,POST,,1,2011-05-02 09:10:00,18,17850,EIRE
2,a,,1,2011-05-03 09:10:00,2.5,,EIRE
2,c,,1,2011-05-03 09:10:00,2.5,,EIRE
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an installation of its own."""
    folder = tmp_path / "models" / "also_bought"
    folder.mkdir(parents=True)
    folder.joinpath("model.yaml").write_text(
        "model: also_bought\ndescription: d\nowner: o\nfeatures:\n  numeric: [lift]\n"
    )
    (tmp_path / "log.csv").write_text(CSV)
    for name in ("LAKE_URL", "PUBLISHED_URL"):
        monkeypatch.delenv(f"EVERGREEN_{name}", raising=False)
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
    settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))
    settings.cache_clear()


@pytest.fixture
def imported(run, tmp_path):
    return run("import", tmp_path / "log.csv", "--json")


def test_import_says_what_was_left_out(run, tmp_path, imported):
    assert json.loads(imported.stdout)["dropped"]["not a product"] == 1
    pretty = run("import", tmp_path / "log.csv")
    assert "not a product" in pretty.stdout
    assert "3 of 4 lines kept: 2 orders of 2 items" in " ".join(pretty.stdout.split())


def test_import_takes_a_path_or_the_built_in_shop(run, tmp_path):
    result = run("import", tmp_path / "log.csv", "--builtin")
    assert result.exit_code == 2


def test_play_as_json(run, imported):
    said = json.loads(run("play", "--json").stdout)
    # nothing sold before the 2nd; on the 3rd 'A' is popular, but order 2 holds it from its start
    assert said == {
        "hours": 48,
        "hours_skipped": 0,
        "page_views": 3,
        "impressions": 0,
        "clicks": 0,
        "fallback_impressions": 0,
        "ctr": None,
        "fallback_share": None,
        "shift_weeks": 0,
    }


def test_play_a_part_in_words_and_then_status(run, imported):
    result = run("play", "--from", "2011-05-02T09", "--to", "2011-05-03")
    assert "15 hours landed: 1 page views" in result.stdout
    said = json.loads(run("status", "--json").stdout)
    assert said["newest_closed_hour"] == "2011-05-02T23:00:00+00:00"
    assert said["published_version"] is None
    assert "log.csv" in run("status").stdout


def test_shift_moves_the_window(run, imported):
    assert json.loads(run("play", "--shift", "2w", "--json").stdout)["shift_weeks"] == 2
    said = json.loads(run("status", "--json").stdout)
    assert said["newest_closed_hour"] == "2011-05-17T23:00:00+00:00"
    assert json.loads(run("play", "--shift", "auto", "--json").stdout)["shift_weeks"] > 780


def test_what_cannot_be_understood(run, imported):
    assert "not like 2011-02-01" in run("play", "--from", "spring").output
    assert "is not a duration" in run("play", "--shift", "later").output
    assert isinstance(run("play", "--to", "2031-01-01").exception, WindowInvalid)


def test_play_before_import(run):
    assert isinstance(run("play").exception, SalesLogInvalid)
