"""`evergreen validate …`: suites from a model's spec, profile and past days; a day against them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner
from validated_shop import BAD, NIGHT
from watched_shop import DAYS, START, impressions

from evergreen.adapters.installation import open_ledger
from evergreen.adapters.lake import Lake
from evergreen.cli.profile import app as profile_app
from evergreen.cli.validate import app
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.errors import HourNotClosed, SuiteExists
from evergreen.domain.windows import Window
from made_days import DAY, orders


@pytest.fixture
def expectations(shop: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of suites, empty, of a shop whose last day has all of its hours."""
    folder = tmp_path / "great_expectations"
    shutil.copytree(
        PROJECT / "great_expectations", folder, ignore=shutil.ignore_patterns("expectations")
    )
    monkeypatch.setenv("EVERGREEN_GX_DIR", str(folder))
    settings.cache_clear()
    last = START + timedelta(days=DAYS - 1)
    for of_day in range(16, 24):
        hour = last + timedelta(hours=of_day)
        shop.land_hour("impressions", hour, impressions(hour))
    yield folder / "expectations"
    settings.cache_clear()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(
        app, ["init", "--model", "shop", *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def facts_of(path: Path) -> dict[str, dict[str, Any]]:
    return {one["kwargs"]["column"]: one for one in json.loads(path.read_text())["expectations"]}


def test_init_learns_from_the_newest_whole_days(expectations: Path) -> None:
    said = json.loads(run("--json"))
    assert said["reference"] == ["2011-05-02T00", "2011-05-06T00"]
    assert said["profile"] is None
    assert sorted(said["suites"]) == ["features", "impressions"]  # no orders, and not trained here
    written = sorted(path.name for path in expectations.iterdir())
    assert written == ["shop.features.json", "shop.impressions.json"]
    path = expectations / "shop.impressions.json"
    facts = facts_of(path)
    assert (
        len(json.loads(path.read_text())["expectations"])
        == said["suites"]["impressions"]["expectations"]
    )
    assert {"closed", "duplicate_positions", "position_gaps", "unknown_versions"} <= set(facts)
    assert not {"user_missing", "top_user_page_views", "propensity_outside"} & set(facts)
    assert "user_missing" in said["left_out"]["impressions"]


def test_an_hour_in_quarantine_teaches_nothing(expectations: Path, shop: Lake) -> None:
    """Its many page views of one user would move the bound."""
    hour = START + timedelta(days=DAYS - 2, hours=13)
    rows = impressions(hour).with_columns(user_id=pl.lit("a bot"))
    shop.land_hour("impressions", hour, rows)
    learnt = run("--json")
    with_it = (expectations / "shop.impressions.json").read_text()
    open_ledger().quarantine("shop", "impressions", hour, generation=2, reasons=["a bot"])
    assert json.loads(run("--force", "--json"))["reference"] == json.loads(learnt)["reference"]
    without_it = (expectations / "shop.impressions.json").read_text()
    assert "user_missing" in with_it
    assert "user_missing" not in without_it


def test_days_bounds_the_reference(expectations: Path) -> None:
    assert json.loads(run("--days", "1", "--json"))["reference"] == [
        "2011-05-05T00",
        "2011-05-06T00",
    ]


def test_init_reads_like_a_page(expectations: Path) -> None:
    page = run()
    assert "bounds from the days from 2011-05-02T00 to 2011-05-06T00; profile none" in page
    assert str(expectations / "shop.impressions.json") in page
    assert "left out of impressions, whose log has no such thing: " in page
    assert "they are yours from now on" in page


def test_init_overwrites_only_when_it_is_told_to(expectations: Path) -> None:
    run()
    path = expectations / "shop.impressions.json"
    path.write_text(path.read_text().replace("critical", "warning"))
    edited = path.read_text()
    with pytest.raises(SuiteExists, match="pass --force"):
        run()
    assert path.read_text() == edited
    run("--force")
    assert path.read_text() != edited


def test_a_profile_is_used(expectations: Path) -> None:
    window = ("--from", "2011-05-02T00", "--to", "2011-05-06T00")
    made = CliRunner().invoke(
        profile_app, ["make", "--model", "shop", "--version", "theirs", *window]
    )
    assert made.exit_code == 0, made.output
    assert json.loads(run("--json"))["profile"] == "theirs"
    assert "ctr_ratio" in facts_of(expectations / "shop.impressions.json")
    assert "missing_excess" in facts_of(expectations / "shop.features.json")


def test_an_empty_lake_gets_the_defaults(expectations: Path, shop: Lake) -> None:
    settings.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_LAKE_URL", str(expectations.parent / "no-lake"))
        said = json.loads(run("--json"))
    assert said["reference"] is None
    assert sorted(said["suites"]) == ["features", "impressions", "orders"]
    assert said["left_out"] == {}


def test_what_init_writes_passes_the_days_that_it_learnt_from(
    expectations: Path, shop: Lake, tmp_path: Path
) -> None:
    from evergreen.adapters.facts import Known, day_facts
    from evergreen.adapters.installation import spec_of
    from evergreen.adapters.quality import validate

    run()
    day = Window(START + timedelta(days=DAYS - 1), START + timedelta(days=DAYS))
    known = Known(versions=None, items=None, profile=None, recompute=None)
    facts = day_facts(shop, spec_of("shop"), day, known)
    frames: dict[str, pl.DataFrame] = {"impressions": facts.impressions, "features": facts.features}
    found = validate(frames, "shop", name="2011-05-05", at=day.end, docs=tmp_path / "docs")
    texts = [finding.text for finding in found]
    missing = [f"impressions 2011-05-05T{h:02}: closed is false, expected true" for h in range(8)]
    assert texts == missing


def validate(model: str, day: str, *options: str) -> Result:
    arguments = ["day", "--model", model, "--day", day, *options]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_a_day_that_fails_is_an_answer(lake: Lake) -> None:
    done = validate("shop", "2011-05-02")
    assert done.stderr == "validating shop 2011-05-02 (1 of 1)\n"
    docs = settings().home / "data_docs" / "shop" / "2011-05-02" / "index.html"
    assert done.stdout.splitlines() == [
        "shop 2011-05-02: failed: 2 errors, 0 warnings; "
        "288 impressions in 24 hours, 120 orders in 24 hours",
        "  orders 2011-05-02T13: negative_prices is 5, expected otherwise",
        "  orders day: negative_prices is 5, expected otherwise",
        "  in quarantine   orders 2011-05-02T13",
        f"  Data Docs       file://{docs}",
    ]
    assert docs.is_file()
    assert len(open_ledger().quarantine_records("shop")) == 1


def test_a_day_takes_earlier_days_along_that_have_changed(lake: Lake) -> None:
    validate("shop", "2011-05-02")
    lake.land_hour("orders", BAD, orders(BAD))
    done = validate("shop", "2011-05-03", "--json")
    assert done.stderr.splitlines() == [
        "validating shop 2011-05-02 (1 of 2)",
        "validating shop 2011-05-03 (2 of 2)",
    ]
    said = json.loads(done.stdout)
    assert [(day["run"], day["verdict"], day["released"]) for day in said["days"]] == [
        ("2011-05-03", "passed", []),
        ("2011-05-02", "passed", ["orders 2011-05-02T13"]),
    ]
    for day in said["days"]:
        assert Path(day["data_docs"].removeprefix("file://")).is_file()


def test_a_replay_is_about_its_own_day(lake: Lake) -> None:
    validate("shop", "2011-05-02")
    lake.land_hour("orders", BAD, orders(BAD))
    said = json.loads(validate("shop", "2011-05-03", "--replay", "--json").stdout)
    assert [day["run"] for day in said["days"]] == ["2011-05-03"]
    measured = open_ledger().measurements("shop", Window(NIGHT, NIGHT + 2 * DAY), "validation")
    assert [m.replay for m in measured] == [False, True]
    assert "left quarantine orders 2011-05-02T13\n" in validate("shop", "2011-05-02").stdout


def test_a_broken_day_is_told_in_short(lake: Lake) -> None:
    for hour in Window(NIGHT, NIGHT + DAY).hours():
        lake.land_hour("orders", hour, orders(hour, prices=-2.5))
    head, *findings, more, aside, _ = validate("shop", "2011-05-02").stdout.splitlines()
    assert head.startswith("shop 2011-05-02: failed: 25 errors, 0 warnings; ")
    assert len(findings) == 5
    assert more == "  and 20 more, in the Data Docs"
    assert aside.endswith(", orders 2011-05-02T05 and 18 more")


def test_hours_that_have_not_come_are_not_put_aside(lake: Lake) -> None:
    for day, refusal in [
        ("2011-04-01", r"begins with 2011-05-0\dT00, so 2011-04-01 has no hours"),
        ("2999-12-31", r"2999-12-31 is not over: it is 2.* UTC"),
        ("2011-05-04", r"has no closed hour of 2011-05-04 or later: .* is 2011-05-03T23\. Land"),
    ]:
        with pytest.raises(HourNotClosed, match=refusal):
            validate("shop", day)
    assert open_ledger().quarantine_records("shop", active=False) == []


def test_a_day_of_an_empty_lake(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_LAKE_URL", str(settings().home / "no-lake"))
    settings.cache_clear()
    with pytest.raises(HourNotClosed, match="no closed hour of 2011-05-02 or later: it has none"):
        validate("shop", "2011-05-02")


def test_a_day_that_is_not_spelt_like_one(lake: Lake) -> None:
    for day in ("2011-05-02T13", "yesterday"):
        result = CliRunner().invoke(app, ["day", "--model", "shop", "--day", day])
        assert result.exit_code == 2


def test_great_expectations_judges_a_day(expectations: Path) -> None:
    run()
    done = validate("shop", "2011-05-05", "--json")
    (day,) = json.loads(done.stdout)["days"]
    assert (day["verdict"], day["errors"], day["hours"]) == ("failed", 8, {"impressions": 16})
    assert day["quarantined"] == [f"impressions 2011-05-05T{hour:02}" for hour in range(8)]
    page = Path(day["data_docs"].removeprefix("file://")).read_text()
    assert "shop.impressions" in page
