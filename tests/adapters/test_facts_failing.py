"""The rows that break a fact are the rows that were counted."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from made_day import DAY, drop, facts, row
from made_impressions import HOUR, impressions, orders

from evergreen.adapters.facts import Known, failing_rows, order_facts
from evergreen.adapters.facts_order_rows import ORDER_FACTS
from evergreen.adapters.facts_rows import ROW_FACTS, Compared
from evergreen.adapters.hash_key import FILE, hidden
from evergreen.adapters.lake import Lake
from evergreen.config.settings import settings
from evergreen.domain.errors import ColumnTypeWrong, FileCorrupt
from evergreen.domain.windows import HOUR as ONE_HOUR

NAN = float("nan")
WITH_REFERENCE = ("unknown_versions", "unseen_items")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation without a key of its own yet."""
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def bad_impressions() -> pl.DataFrame:
    """Return thirty rows of which a few break each fact."""
    columns = {
        "event_time": [HOUR + ONE_HOUR if at < 2 else HOUR for at in range(30)],
        "page_view_id": [None if at == 29 else f"p{at // 5}" for at in range(30)],
        "item_id": ["i0" if at in (3, 4) else f"i{at}" for at in range(30)],
        "position": [9 if at == 9 else None if at == 12 else at % 5 + 1 for at in range(30)],
        "clicked": [at in (12, 13) for at in range(30)],
        "source": ["else" if at == 7 else "model" for at in range(30)],
        "model_version": ["2" if at == 20 else "1" for at in range(30)],
        "score": [NAN if at in (21, 22) else 0.5 for at in range(30)],
        "propensity": [0.0 if at == 25 else 0.5 for at in range(30)],
        "user_id": [None if at == 26 else f"u{at}" for at in range(30)],
    }
    return impressions(rows=30, **columns)


def test_as_many_rows_as_were_counted(lake: Lake) -> None:
    frame = bad_impressions()
    drop(lake, frame[:11], part=0)
    drop(lake, pl.concat([frame[11:], frame[14:16]]), part=1)
    said = row(facts(lake).impressions)
    shares = {"user_missing": 32, "score_missing": 31}
    for fact in ROW_FACTS:
        if fact in WITH_REFERENCE:
            continue
        rows = failing_rows(lake, "impressions", HOUR, fact)
        assert rows is not None
        if fact == "null_ids":
            assert rows["page_view_id"].null_count() == said[fact]
        found = rows["page_view_id"].n_unique() if fact == "position_gaps" else rows.height
        assert found == pytest.approx(said[fact] * shares.get(fact, 1)), fact
        assert found > 0, fact


def test_which_rows(lake: Lake) -> None:
    drop(lake, bad_impressions())

    def items(fact: str) -> list[str]:
        rows = failing_rows(lake, "impressions", HOUR, fact)
        assert rows is not None
        return rows["item_id"].to_list()

    assert items("outside_hour") == ["i0", "i1"]
    assert items("clicked_unshown") == ["i12"]
    assert items("repeated_items") == ["i0", "i0"]
    assert items("position_gaps") == [f"i{at}" for at in range(5, 15)]
    assert items("score_missing") == ["i21", "i22"]


def test_with_what_is_known(lake: Lake) -> None:
    drop(lake, bad_impressions())
    assert failing_rows(lake, "impressions", HOUR, "unknown_versions") is None
    known = Compared(versions=frozenset({"1"}))
    rows = failing_rows(lake, "impressions", HOUR, "unknown_versions", compared=known)
    assert rows is not None
    assert rows["item_id"].to_list() == ["i20"]
    assert row(facts(lake, Known(versions=frozenset({"1"}))).impressions)["unknown_versions"] == 1


def test_page_views_of_an_earlier_hour(lake: Lake) -> None:
    drop(lake, impressions(rows=10), hour=HOUR)
    again = impressions(HOUR + ONE_HOUR, rows=20)
    drop(lake, again, hour=HOUR + ONE_HOUR)
    rows = failing_rows(lake, "impressions", HOUR + ONE_HOUR, "repeated_page_views")
    assert rows is not None
    assert set(rows["page_view_id"]) == {hidden(view, lake.url) for view in ("p0", "p1")}


def test_a_limit_and_hashed_ids(lake: Lake, home: Path) -> None:
    drop(lake, impressions(rows=50, source="else", user_id="anna"))
    rows = failing_rows(lake, "impressions", HOUR, "unknown_source", 7, model="shop")
    assert rows is not None
    assert rows["user_id"].to_list() == [hidden("anna", "shop")] * 7
    assert set(rows["page_view_id"]) == {hidden("p0", "shop"), hidden("p1", "shop")}
    other = failing_rows(lake, "impressions", HOUR, "unknown_source", 1)
    assert other is not None
    tried = {hashlib.sha256(f"{salt}anna".encode()).hexdigest()[:16] for salt in ("", "shop:")}
    told = {"anna", hidden("anna", "shop"), *tried}
    assert not told & {*other["user_id"]}
    assert not tried & {*rows["user_id"]}


def test_the_key_is_made_once_and_only_its_owner_reads_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = hidden("anna", "shop")
    assert len(said) == 16
    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    assert (home / FILE).stat().st_size == 32
    assert [path.name for path in home.iterdir()] == [FILE]
    assert hidden("anna", "shop") == said
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "other"))
    settings.cache_clear()
    assert hidden("anna", "shop") != said
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / FILE).write_bytes((home / FILE).read_bytes())
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "third"))
    settings.cache_clear()
    assert hidden("anna", "shop") == said


def test_a_key_that_cannot_be_kept_hides_all_the_same(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.write_text("a file, not a folder")
    assert hidden("anna", "shop") == hidden("anna", "shop") != "anna"
    assert "hashed ids of this run are not those of others" in caplog.text


def test_only_columns_that_are_known(lake: Lake) -> None:
    personal = {"email": "anna@example.com", "client_ip": "192.0.2.7", "price": 2.0}
    drop(lake, impressions(source="else", user_id="anna", **personal))
    rows = failing_rows(lake, "impressions", HOUR, "unknown_source", features=("price",))
    assert rows is not None
    assert not {"email", "client_ip"} & {*rows.columns}
    assert {"price", "user_id", "source"} <= {*rows.columns}
    drop(lake, orders(unit_price=-1.0, email="anna@example.com"), table="orders")
    rows = failing_rows(lake, "orders", HOUR, "negative_prices")
    assert rows is not None
    assert "email" not in rows.columns


def test_facts_that_are_no_rows_fault(lake: Lake) -> None:
    drop(lake, impressions())
    drop(lake, orders(), table="orders")
    for fact in ("ctr", "rows", "row_ratio", "seconds", "nonsense"):
        assert failing_rows(lake, "impressions", HOUR, fact) is None
    assert failing_rows(lake, "orders", HOUR, "price_ratio") is None
    assert failing_rows(lake, "impressions", HOUR + ONE_HOUR, "null_ids") is None  # not closed


def test_an_hour_that_cannot_be_read(lake: Lake) -> None:
    path = drop(lake, impressions().cast({"clicked": pl.String}))
    with pytest.raises(ColumnTypeWrong, match="'clicked'"):
        failing_rows(lake, "impressions", HOUR, "null_ids")
    path.write_bytes(b"PAR1")
    with pytest.raises(FileCorrupt):
        failing_rows(lake, "impressions", HOUR, "null_ids")


def test_nothing_fails(lake: Lake) -> None:
    drop(lake, impressions(rows=10, user_id="u"))
    rows = failing_rows(lake, "impressions", HOUR, "null_ids")
    assert rows is not None
    assert rows.height == 0
    lake.land_hour("impressions", HOUR + ONE_HOUR, None)
    rows = failing_rows(lake, "impressions", HOUR + ONE_HOUR, "null_ids")
    assert rows is not None
    assert rows.height == 0


def test_order_lines(lake: Lake) -> None:
    columns = {
        "order_id": [None if at == 0 else "o1" if at in (1, 2) else f"o{at}" for at in range(20)],
        "item_id": ["i" if at in (1, 2) else f"i{at}" for at in range(20)],
        "order_time": [HOUR - ONE_HOUR if at == 3 else HOUR for at in range(20)],
        "unit_price": [-1.0 if at == 4 else NAN if at == 5 else 2.0 for at in range(20)],
        "quantity": [0 if at == 6 else 1 for at in range(20)],
        "user_id": "anna",
    }
    drop(lake, orders(rows=20, **columns), table="orders")
    said = row(order_facts(lake, DAY))
    for fact in ORDER_FACTS:
        rows = failing_rows(lake, "orders", HOUR, fact)
        assert rows is not None
        assert rows.height == said[fact] * (20 if fact == "duplicate_rows" else 1) == 1, fact
        assert "anna" not in rows["user_id"].to_list()
        assert not [name for name in rows.columns if name.startswith("__")]


def test_order_lines_of_an_earlier_hour(lake: Lake) -> None:
    drop(lake, orders(rows=5), hour=HOUR, table="orders")
    drop(lake, orders(HOUR + ONE_HOUR, rows=9), hour=HOUR + ONE_HOUR, table="orders")
    rows = failing_rows(lake, "orders", HOUR + ONE_HOUR, "repeated_lines")
    assert rows is not None
    assert rows["order_id"].to_list() == [hidden(f"o{at}", lake.url) for at in range(5)]
