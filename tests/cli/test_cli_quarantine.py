"""`evergreen quarantine …`: what is put aside and why, and how a person lets it out."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner
from validated_shop import BAD, MODEL, NIGHT

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.adapters.lake import Lake
from evergreen.cli import app
from evergreen.config.settings import settings
from evergreen.domain.errors import FileCorrupt, ModelSpecInvalid, NotQuarantined, WindowInvalid
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.in_quarantine import require_quarantined
from evergreen.orchestration.nightly import validate_night
from made_days import orders

REASON = "orders 2011-05-02T13: negative_prices is 5, expected otherwise"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["quarantine", *arguments], catch_exceptions=False)


def run(command: str, *options: str) -> str:
    result = invoke(command, "--model", MODEL, *options)
    assert result.exit_code == 0, result.output
    return result.stdout


def said(command: str, *options: str) -> dict[str, Any]:
    return json.loads(run(command, *options, "--json"))


def put_aside(hour: Any, table: str = "orders", **record: Any) -> None:
    open_ledger().quarantine(MODEL, table, hour, **{"generation": 1, "reasons": ["torn"], **record})


def in_quarantine(table: str = "orders") -> set[Any]:
    return open_ledger().quarantined(MODEL, table, Window(NIGHT, NIGHT + timedelta(days=1)))


@pytest.fixture
def validated(lake: Lake) -> Lake:
    """Return the lake after its first night."""
    validate_night(spec_of(MODEL), NIGHT, replay=False)
    return lake


def test_nothing_is_in_quarantine(lake: Lake) -> None:
    assert run("list") == "shop: nothing is in quarantine\n"
    assert run("list", "--all") == "shop: nothing was ever in quarantine\n"
    assert said("list") == {"model": "shop", "hours": []}


def test_list_says_since_when_and_why(validated: Lake) -> None:
    (record,) = said("list")["hours"]
    assert (record["table"], record["hour"], record["generation"]) == ("orders", "2011-05-02T13", 2)
    assert (record["in_quarantine"], record["reasons"]) == (True, [REASON])
    (line,) = [line for line in run("list").splitlines() if "2011-05-02T13" in line]
    since = open_ledger().quarantine_records(MODEL)[0].quarantined_at
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "orders",
        "2011-05-02T13",
        "2",
        f"{since:%Y-%m-%d %H:%M}",
        "in quarantine",
        REASON,
    ]


def test_list_shows_the_first_reason_in_short(lake: Lake) -> None:
    put_aside(BAD, generation=0, reasons=["x" * 300, "two", "three"])
    page = run("list")
    assert f"{'x' * 99}… (+2)" in page
    assert "not closed" in page


def test_list_all_has_those_that_left(validated: Lake) -> None:
    put_aside(NIGHT)
    put_aside(NIGHT + HOUR)
    run("release", "--hour", "2011-05-02T00", "--reason", "a fair")
    validate_night(spec_of(MODEL), NIGHT, replay=False)  # lets 01 out: it passes
    assert [record["hour"] for record in said("list")["hours"]] == ["2011-05-02T13"]
    everything = said("list", "--all")["hours"]
    assert [(r["hour"], r["released_by"]) for r in everything] == [
        ("2011-05-02T00", "person"),
        ("2011-05-02T01", "validation"),
        ("2011-05-02T13", None),
    ]
    page = run("list", "--all")
    assert "released by a person" in page
    assert "released by validation" in page


def test_show_tells_all_of_an_hour(validated: Lake) -> None:
    page = run("show", "--hour", "2011-05-02T13", "--rows", "2")
    head, state, reason, rows, docs, way_out, *table = page.splitlines()
    assert head.startswith("shop: orders 2011-05-02T13 (generation 2), since 20")
    assert state == "  state       in quarantine"
    assert reason == f"  reason      {REASON}"
    home = settings().home
    assert rows == f"  rows        {home}/quarantine/shop/orders/2011-05-02T13"
    assert docs == f"  Data Docs   file://{home}/data_docs/shop/2011-05-02/index.html"
    assert "evergreen quarantine release --model shop --table orders --hour 2011-05" in way_out
    assert table[0] == "negative_prices: the first 2 of 5 rows that are kept"
    (price,) = [line for line in table if "unit_price" in line]
    assert [cell.strip() for cell in price.strip("│").split("│")] == ["unit_price", "-2.5", "-2.5"]


def test_show_as_json(validated: Lake) -> None:
    answer = said("show", "--hour", "2011-05-02T13", "--table", "orders")
    (record,) = answer["hours"]
    assert Path(answer["data_docs"].removeprefix("file://")).is_file()
    faulty = record["rows"]["negative_prices"]
    assert faulty["kept"] == 5
    assert [row["unit_price"] for row in faulty["first"]] == [-2.5] * 5
    assert {len(row["user_id"]) for row in faulty["first"]} == {16}  # hashed


def test_show_without_rows(validated: Lake) -> None:
    assert len(run("show", "--hour", "2011-05-02T13", "--rows", "0").splitlines()) == 6


def test_show_of_an_hour_that_was_landed_again_says_who_let_it_out(validated: Lake) -> None:
    validated.land_hour("orders", BAD, orders(BAD))
    validate_night(spec_of(MODEL), NIGHT, replay=False)
    page = run("show", "--hour", "2011-05-02T13")
    assert "state       released by validation, 20" in page
    assert "UTC: passed validation (generation 3)\n" in page
    assert "rows        none any more in " in page
    assert "way out" not in page


def test_show_has_both_tables_of_an_hour(lake: Lake) -> None:
    put_aside(BAD)
    put_aside(BAD, "impressions", reasons=["late", "thin"])
    page = run("show", "--hour", "2011-05-02T13")
    assert re.findall("shop: ([a-z]+) 2011-05-02T13 .*, since", page) == ["impressions", "orders"]
    assert re.findall("  reason +(.*)", page) == ["late", "thin", "torn"]
    assert page.count("rows        none: the fault is not in single rows") == 2
    assert page.count("Data Docs   none of that night") == 2
    assert [r["table"] for r in said("show", "--hour", "2011-05-02T13")["hours"]] == [
        "impressions",
        "orders",
    ]


def test_values_of_the_lake_are_neither_obeyed_nor_marked_up(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    values = ["[red]\x1b[2J", "ü" * 300, None]
    pl.DataFrame({"item_id": values, "price": [float("nan"), 1.0, None]}).write_parquet(
        folder / "unseen_items.parquet"
    )
    put_aside(BAD, reasons=["unseen \x1b]0;title\x07"], sample=str(folder))
    page = run("show", "--hour", "2011-05-02T13")
    assert "\x1b" not in page
    assert r"unseen \x1b]0;title\x07" in page
    assert r"[red]\x1b[2J" in page
    assert f"{'ü' * 99}… │" in page
    assert "None" in page
    first = said("show", "--hour", "2011-05-02T13")["hours"][0]["rows"]["unseen_items"]["first"]
    assert [row["price"] for row in first] == [None, 1.0, None]


def test_kept_rows_that_cannot_be_read(validated: Lake) -> None:
    (file,) = settings().home.glob("quarantine/shop/orders/*/*.parquet")
    file.write_bytes(b"PAR1 torn")
    with pytest.raises(FileCorrupt, match=r"negative_prices\.parquet cannot be read as Parquet"):
        run("show", "--hour", "2011-05-02T13")


def test_a_store_s_password_is_not_shown(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergreen.monitor.failing_samples.kept_rows", lambda folder: {})
    put_aside(BAD, sample="s3://ann:pw@store/quarantine/shop/orders/2011-05-02T13")
    for page in (run("show", "--hour", "2011-05-02T13"), run("list", "--json")):
        assert "ann:pw" not in page
        assert "2011-05-02T13" in page


@pytest.mark.parametrize("command", ["show", "release"])
def test_an_hour_that_is_not_there_names_those_that_are(lake: Lake, command: str) -> None:
    reason = ("--reason", "x") if command == "release" else ()
    options = ("--hour", "2011-05-02T14", *reason)
    with pytest.raises(NotQuarantined, match=r"hour 2011-05-02T14 is not in .*; nothing is\. All"):
        run(command, *options)
    for number in range(7):
        put_aside(NIGHT + number * HOUR)
    nearest = ", ".join(f"orders 2011-05-02T{hour:02}" for hour in (6, 5, 4, 3, 2, 1))
    with pytest.raises(NotQuarantined, match=f"these are: {nearest} and 1 more. All that were"):
        run(command, *options)
    with pytest.raises(NotQuarantined, match="impressions 2011-05-02T06 is not in"):
        run(command, "--hour", "2011-05-02T06", "--table", "impressions", *reason)


def test_release_is_a_person_s(validated: Lake) -> None:
    page = run("release", "--hour", "2011-05-02T13", "--reason", "refunds")
    assert page.startswith("shop: orders 2011-05-02T13 is out of quarantine\n  released by a pers")
    assert in_quarantine() == set()
    (record,) = open_ledger().quarantine_records(MODEL, active=False)
    assert (record.released_by, record.release_reason) == ("person", "refunds")
    (report,) = validate_night(spec_of(MODEL), NIGHT, replay=False)
    assert (report.verdict, report.quarantined) == ("failed", ())  # the person's word stands


def test_released_twice_says_so_and_keeps_the_first_reason(validated: Lake) -> None:
    first = said("release", "--hour", "2011-05-02T13", "--reason", "refunds")
    again = said("release", "--hour", "2011-05-02T13", "--reason", "another")
    assert (first["released"], again["released"]) == (True, False)
    assert first["hours"] == again["hours"]
    assert again["hours"][0]["release_reason"] == "refunds"
    page = run("release", "--hour", "2011-05-02T13", "--reason", "another")
    assert "2011-05-02T13 is out of quarantine already; nothing was done\n" in page
    assert page.endswith("UTC: refunds\n")


def test_release_needs_a_reason(validated: Lake) -> None:
    for options in (["--reason", "  "], []):
        result = invoke("release", "--model", MODEL, "--hour", "2011-05-02T13", *options)
        assert result.exit_code == 2
    assert in_quarantine() == {BAD}


def test_release_of_both_tables_takes_a_word(lake: Lake) -> None:
    put_aside(BAD)
    put_aside(BAD, "impressions")
    hour = ("--hour", "2011-05-02T13", "--reason", "x")
    result = invoke("release", "--model", MODEL, *hour)
    assert result.exit_code == 2
    assert "impressions and orders of 2011-05-02T13" in " ".join(
        re.sub("│", "", result.stderr).split()
    )
    assert (in_quarantine(), in_quarantine("impressions")) == ({BAD}, {BAD})
    assert "impressions 2011-05-02T13 is out" in run("release", *hour, "--table", "impressions")
    page = run("release", *hour)  # only one is left
    assert page.startswith("shop: orders 2011-05-02T13 is out of quarantine\n")
    assert len(page.splitlines()) == 2


def test_a_table_that_is_none(validated: Lake) -> None:
    result = invoke("show", "--model", MODEL, "--hour", "2011-05-02T13", "--table", "events")
    assert result.exit_code == 2


def test_an_hour_or_a_model_that_is_not_spelt_right(lake: Lake) -> None:
    with pytest.raises(WindowInvalid, match="is not spelt like 2011-11-07T13"):
        run("show", "--hour", "2011-05-02 13:00")
    with pytest.raises(ModelSpecInvalid, match="every model folder needs one"):
        invoke("list", "--model", "shopp")


def test_command_lines_that_messages_print_work(validated: Lake) -> None:
    (logged,) = require_quarantined(MODEL, ["orders 2011-05-02T13"], open_ledger())
    for text in (logged, run("show", "--hour", "2011-05-02T13")):
        (line,) = re.findall("evergreen quarantine (release .*)", text)
        result = invoke(*shlex.split(line.replace("…", "'right as it is'")))
        assert result.exit_code == 0, result.output
        assert "orders 2011-05-02T13 is out of quarantine" in result.stdout
