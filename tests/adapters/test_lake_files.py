"""Files of the lake that others wrote: broken ones are named, and the contract is kept."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from foreign_files import BOTH, FOLDER, NEXT, PART, drop
from made_impressions import HOUR, impressions, orders

from evergreen.adapters.lake import Lake
from evergreen.domain.errors import (
    ColumnMissing,
    ColumnTypeWrong,
    FileCorrupt,
)
from evergreen.domain.windows import Window

# What other writers leave


def test_an_empty_success_closes_the_files_beside_it(lake: Lake, tmp_path: Path) -> None:
    drop(tmp_path, impressions(rows=2), name="part-00000-b")
    path = drop(tmp_path, impressions(rows=3), name="part-00000-a")
    closing = lake.require_closed("impressions", HOUR)
    assert (closing.rows, closing.generation) == (5, 1)
    assert [Path(file.path).stem for file in closing.files] == ["part-00000-a", "part-00000-b"]
    assert closing.files[0].size == path.stat().st_size
    assert lake.read("impressions", Window.of_hour(HOUR)).height == 5
    assert lake.land_hour("impressions", HOUR, impressions(rows=1)).generation == 2
    assert lake.read("impressions", Window.of_hour(HOUR)).height == 1


def test_an_empty_success_alone_is_zero_rows(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "_SUCCESS").write_text("\n")
    assert lake.require_closed("impressions", HOUR).rows == 0


def said(**changed: object) -> str:
    """Return a `_SUCCESS` of one file, with something changed in it."""
    file = {"path": "hour=2011-05-02T12/part-g1-0.parquet", "size": 9, "rows": 2}
    body = {"rows": 2, "closed_at": "2011-05-02T13:00:00+00:00", "generation": 1, "files": [file]}
    return json.dumps({**body, **changed})


BROKEN_SUCCESS = [
    "{",
    "[]",
    "null",
    '{"rows": 1}',
    '{"rows": "x", "closed_at": "", "generation": 1}',
    "[" * 100_000,
    said(rows=-5),
    said(rows=float("inf")),
    said(generation=0),
    said(generation=2**63),
    said(generation=99999999999999999999),
    said(files=[{"path": "a", "size": -1, "rows": 2}]),
    said(files=[{"path": "a", "size": 1, "rows": -2}]),
    said(files=[{"path": 5, "size": 1, "rows": 2}]),
    said(files=[{"path": "a", "size": 1, "rows": 2, "more": 1}]),
]


def test_the_largest_counts(lake: Lake) -> None:
    lake.files.write_atomic(f"{FOLDER}/_SUCCESS", said(generation=2**63 - 1, rows=0).encode())
    closing = lake.require_closed("impressions", HOUR)
    assert (closing.generation, closing.rows) == (2**63 - 1, 0)


@pytest.mark.parametrize("text", BROKEN_SUCCESS, ids=lambda text: text[:40])
def test_a_success_that_is_broken(lake: Lake, text: str) -> None:
    lake.land_hour("impressions", HOUR, impressions())
    lake.land_hour("impressions", HOUR, impressions())
    lake.files.write_atomic(f"{FOLDER}/_SUCCESS", text.encode())
    with pytest.raises(FileCorrupt, match=rf"{FOLDER}/_SUCCESS does not close an hour \(.*again"):
        lake.closing("impressions", HOUR)
    closing = lake.land_hour("impressions", HOUR, impressions(rows=4))  # as the text advises
    assert (closing.generation, closing.rows) == (3, 4)
    assert lake.read("impressions", Window.of_hour(HOUR)).height == 4


def test_a_broken_file_beside_an_empty_success(lake: Lake, tmp_path: Path) -> None:
    path = drop(tmp_path, impressions())
    path.write_bytes(b"not Parquet")
    with pytest.raises(
        FileCorrupt, match=rf"{path} cannot be read as Parquet \(.*\); land its hour again"
    ):
        lake.closing("impressions", HOUR)
    assert lake.land_hour("impressions", HOUR, impressions()).generation == 2


# Broken files


def test_a_corrupt_file_is_named_among_good_ones(lake: Lake, tmp_path: Path) -> None:
    lake.land_hour("impressions", HOUR, impressions())
    lake.land_hour("impressions", NEXT, impressions(NEXT))
    (tmp_path / PART).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(FileCorrupt, match=rf"{PART} cannot be read as Parquet \(.*land its hour"):
        lake.read("impressions", BOTH)


@pytest.mark.parametrize("left", [0.0, 0.3, 0.9])
def test_a_truncated_file(lake: Lake, tmp_path: Path, left: float) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=500))
    data = (tmp_path / PART).read_bytes()
    (tmp_path / PART).write_bytes(data[: int(len(data) * left)])
    with pytest.raises(FileCorrupt, match=f"{PART} cannot be read as Parquet"):
        lake.read("impressions", BOTH)


def test_pages_that_are_overwritten(lake: Lake, tmp_path: Path) -> None:
    """The footer is right, what it points to is not."""
    lake.land_hour("impressions", HOUR, impressions(rows=500))
    data = bytearray((tmp_path / PART).read_bytes())
    data[4 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4)
    (tmp_path / PART).write_bytes(bytes(data))
    with pytest.raises(FileCorrupt, match=f"{PART} cannot be read as Parquet"):
        lake.read("impressions", BOTH)


def test_a_file_that_is_gone(lake: Lake, tmp_path: Path) -> None:
    lake.land_hour("impressions", HOUR, impressions())
    (tmp_path / PART).unlink()
    with pytest.raises(FileCorrupt, match=f"{PART} cannot be read"):
        lake.read("impressions", BOTH)


# The contract


def test_a_missing_column_is_named_with_its_file(lake: Lake, tmp_path: Path) -> None:
    drop(tmp_path, impressions())
    path = drop(tmp_path, impressions(NEXT).drop("clicked"), hour=NEXT)
    with pytest.raises(ColumnMissing) as caught:
        lake.read("impressions", BOTH)
    assert str(caught.value).startswith(f"{path} has no column 'clicked' (Boolean); it has: event_")
    assert "map its name under columns: in model.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("column", "found", "expected"),
    [
        ("clicked", pl.Int8(), "Boolean"),
        ("item_id", pl.Binary(), "String"),
        ("event_time", pl.Datetime("us", "Europe/London"), r"Datetime\(.*'UTC'\)"),
        ("score", pl.String(), "Float32"),
        ("position", pl.Float64(), "Int8"),
    ],
)
def test_a_wrong_type_is_named_with_its_file(
    lake: Lake, tmp_path: Path, column: str, found: pl.DataType, expected: str
) -> None:
    drop(tmp_path, impressions())
    frame = impressions(NEXT)
    bad = frame.with_columns(
        pl.col(column).dt.replace_time_zone(getattr(found, "time_zone", None))
        if column == "event_time"
        else pl.col(column).cast(found)
    )
    path = drop(tmp_path, bad, hour=NEXT)
    with pytest.raises(ColumnTypeWrong, match=f"{path}: column '{column}' is .*{expected}"):
        lake.read("impressions", BOTH)


def test_naive_moments_are_refused(lake: Lake, tmp_path: Path) -> None:
    """Alone, as the monitor reads its hour: behind a file in UTC Polars 2.1 reads them as UTC."""
    naive = pl.col("event_time").dt.replace_time_zone(None)
    path = drop(tmp_path, impressions().with_columns(naive))
    with pytest.raises(ColumnTypeWrong, match=rf"{path}: column 'event_time' is Datetime\(.*None"):
        lake.read("impressions", Window.of_hour(HOUR))


def test_types_of_the_same_kind_are_read(lake: Lake, tmp_path: Path) -> None:
    other = impressions(clicked=[None, None]).cast(
        {"position": pl.Int64, "score": pl.Float64, "source": pl.Categorical, "clicked": pl.Null}
    )
    drop(tmp_path, other.with_columns(pl.col("event_time").dt.cast_time_unit("ns")))
    lake.land_hour("impressions", NEXT, impressions(NEXT))
    found = lake.read("impressions", BOTH)
    assert found.schema == impressions().schema
    assert found["clicked"].to_list() == [None, None, False, False]


@pytest.mark.parametrize("has_it", [0, 1])
def test_an_optional_column_of_some_files(lake: Lake, has_it: int) -> None:
    hours = (HOUR, NEXT)
    lake.land_hour("orders", hours[has_it], orders(hours[has_it], user_id="u", colour="red"))
    lake.land_hour("orders", hours[1 - has_it], orders(hours[1 - has_it]))
    found = lake.read("orders", BOTH)
    wanted = ["u", "u", None, None] if has_it == 0 else [None, None, "u", "u"]
    assert found["user_id"].to_list() == wanted
    assert found["colour"].null_count() == 2


def test_columns_that_were_not_asked_for_do_not_matter(lake: Lake) -> None:
    lake.land_hour("orders", HOUR, orders())
    lake.land_hour("orders", NEXT, orders(NEXT, user_id="u"))
    assert lake.read("orders", BOTH, ["item_id", "order_id"]).columns == ["item_id", "order_id"]


def test_a_feature_that_no_file_has(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions())
    with pytest.raises(ColumnMissing, match=rf"{PART} has no column 'co_24h'; write it, or leave"):
        lake.read("impressions", BOTH, ["event_time", "co_24h"])


def test_columns_with_names_of_their_own(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path), {"event_time": "ts", "clicked": "label"})
    drop(tmp_path, impressions().rename({"event_time": "ts", "clicked": "label"}))
    lake.land_hour("impressions", NEXT, impressions(NEXT))  # the writer uses the lake's names too
    found = lake.read("impressions", BOTH)
    assert set(found.columns) == set(impressions().columns)
    assert found.height == 4
    few = lake.read("impressions", Window.of_hour(HOUR), ["event_time", "clicked"])
    assert few.columns == ["event_time", "clicked"]
    with pytest.raises(ColumnMissing, match=r"'event_time'.*it has: .*ts"):
        Lake(str(tmp_path)).read("impressions", BOTH)


@pytest.mark.parametrize("own", [False, True])
def test_an_hour_is_landed_under_the_lake_s_own_names(tmp_path: Path, own: bool) -> None:
    names = {"event_time": "ts", "clicked": "label"}
    frame = impressions().rename(names) if own else impressions()
    lake = Lake(str(tmp_path), names)
    closing = lake.land_hour("impressions", HOUR, frame)
    written = pl.read_parquet(tmp_path / "impressions" / closing.files[0].path)
    assert {"ts", "label"} <= set(written.columns)
    assert not {"event_time", "clicked"} & set(written.columns)
    assert lake.read("impressions", BOTH).select(impressions().columns).equals(impressions())
