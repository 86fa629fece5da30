"""The lake: an hour is whole or not there, and broken files are named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from made_impressions import HOUR, impressions, orders

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import UTC_TIME
from evergreen.domain.errors import (
    ColumnMissing,
    ColumnTypeWrong,
    FileCorrupt,
    HourNotClosed,
    LakeUnreachable,
    WindowInvalid,
)
from evergreen.domain.windows import Window

NEXT = HOUR + timedelta(hours=1)
BOTH = Window(HOUR, NEXT + timedelta(hours=1))
FOLDER = "impressions/hour=2011-05-02T12"
PART = f"{FOLDER}/part-g1-0.parquet"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def drop(tmp_path: Path, frame: pl.DataFrame, *, hour: datetime = HOUR, name: str = "a") -> Path:
    """Write a file as a foreign writer does: no contract, an empty `_SUCCESS`."""
    folder = tmp_path / "impressions" / f"hour={hour:%Y-%m-%dT%H}"
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / f"{name}.parquet")
    (folder / "_SUCCESS").touch()
    return folder / f"{name}.parquet"


# Landing


def test_an_hour_that_was_landed_is_read(lake: Lake) -> None:
    closing = lake.land_hour("impressions", HOUR, impressions(rows=3))
    assert (closing.rows, closing.generation) == (3, 1)
    assert lake.closing("impressions", HOUR) == closing
    (file,) = closing.files
    assert file.path == "hour=2011-05-02T12/part-g1-0.parquet"
    assert file.size == lake.files.size(PART)
    found = lake.read("impressions", Window.of_hour(HOUR))
    assert found.equals(impressions(rows=3))
    assert found.schema["event_time"] == UTC_TIME


def test_what_success_says(lake: Lake) -> None:
    lake.land_hour("impressions", HOUR, impressions(rows=3))
    said = json.loads(lake.files.read(f"{FOLDER}/_SUCCESS"))
    assert set(said) == {"rows", "closed_at", "generation", "files"}
    assert (said["rows"], said["generation"]) == (3, 1)
    assert datetime.fromisoformat(said["closed_at"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize("nothing", [None, impressions(rows=0)])
def test_an_hour_without_events(lake: Lake, nothing: pl.DataFrame | None) -> None:
    closing = lake.land_hour("impressions", HOUR, nothing)
    assert (closing.rows, closing.files) == (0, ())
    assert lake.files.list(FOLDER) == ["_SUCCESS"]
    assert lake.closed_hours("impressions") == [HOUR]
    assert lake.read("impressions", Window.of_hour(HOUR)).height == 0


def test_landing_again_raises_the_generation(lake: Lake) -> None:
    for rows in (3, 5, 0, 2):
        closing = lake.land_hour("impressions", HOUR, impressions(rows=rows))
    assert closing.generation == 4
    assert lake.read("impressions", Window.of_hour(HOUR)).height == 2
    # the generation before the visible one had no rows; older files are gone
    assert lake.files.list(FOLDER) == ["_SUCCESS", "part-g4-0.parquet"]


def test_readers_that_hold_the_old_generation_still_find_its_file(lake: Lake) -> None:
    held = lake.land_hour("impressions", HOUR, impressions(rows=3))
    lake.land_hour("impressions", HOUR, impressions(rows=5))
    assert lake.read_files("impressions", [file.path for file in held.files]).height == 3


def test_a_row_outside_the_hour(lake: Lake) -> None:
    with pytest.raises(WindowInvalid, match=r"event_time runs from .*13:00:00.* outside the hour"):
        lake.land_hour("impressions", HOUR, impressions(NEXT))
    early = impressions(event_time=[HOUR - timedelta(microseconds=1), HOUR])
    with pytest.raises(WindowInvalid, match="land each row in its own hour"):
        lake.land_hour("impressions", HOUR, early)
    with pytest.raises(WindowInvalid, match="event_time is null"):
        lake.land_hour("impressions", HOUR, impressions(event_time=[None, None]))
    with pytest.raises(WindowInvalid):
        lake.land_hour("impressions", HOUR, impressions(event_time=[HOUR, None]))
    assert lake.closing("impressions", HOUR) is None


def test_the_last_microsecond_is_inside(lake: Lake) -> None:
    frame = impressions(event_time=[HOUR, NEXT - timedelta(microseconds=1)])
    assert lake.land_hour("impressions", HOUR, frame).rows == 2


def test_a_frame_that_breaks_the_contract(lake: Lake) -> None:
    with pytest.raises(ColumnMissing, match="the frame landed as impressions/hour=2011-05-02T12"):
        lake.land_hour("impressions", HOUR, impressions().drop("clicked"))
    with pytest.raises(ColumnTypeWrong, match="'clicked' is String, expected Boolean"):
        lake.land_hour("impressions", HOUR, impressions().cast({"clicked": pl.String}))
    assert lake.closed_hours("impressions") == []


def test_the_columns_are_cast_and_unknown_ones_kept(lake: Lake) -> None:
    frame = orders(line=[0, 1], colour="red").cast({"line": pl.Int64, "unit_price": pl.Float32})
    lake.land_hour("orders", HOUR, frame)
    found = lake.read("orders", Window.of_hour(HOUR))
    assert found.schema["line"] == pl.Int32
    assert found.schema["unit_price"] == pl.Float64
    assert found["colour"].to_list() == ["red", "red"]


KILLED_WRITER = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from made_impressions import HOUR, impressions
from evergreen.adapters.files import Files
from evergreen.adapters.lake import Lake
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
Files.write_atomic = die  # what writes _SUCCESS
Lake({lake!r}).land_hour("impressions", HOUR, impressions(rows=9))
"""


@pytest.mark.parametrize("before", [0, 3])
def test_a_writer_that_is_killed_changes_nothing(lake: Lake, tmp_path: Path, before: int) -> None:
    if before:
        lake.land_hour("impressions", HOUR, impressions(rows=before))
    script = KILLED_WRITER.format(tests=str(Path(__file__).parent), lake=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    written = f"part-g{2 if before else 1}-0.parquet"
    assert (tmp_path / FOLDER / written).exists()
    if before:
        assert lake.read("impressions", Window.of_hour(HOUR)).height == before
    else:
        assert lake.closing("impressions", HOUR) is None
        assert lake.closed_hours("impressions") == []
        assert lake.newest_closed_hour("impressions") is None
    assert lake.land_hour("impressions", HOUR, impressions(rows=4)).rows == 4
    assert lake.read("impressions", Window.of_hour(HOUR)).height == 4


# Which hours are closed


def test_closed_hours_of_a_window(lake: Lake) -> None:
    hours = [HOUR - timedelta(days=9), HOUR, NEXT]
    for hour in reversed(hours):
        lake.land_hour("orders", hour, None)
    assert lake.closed_hours("orders") == hours
    assert lake.closed_hours("orders", Window.of_hour(HOUR)) == [HOUR]
    assert lake.closed_hours("orders", Window(HOUR, HOUR)) == []
    assert lake.newest_closed_hour("orders") == NEXT


def test_an_empty_lake(lake: Lake) -> None:
    assert lake.closed_hours("orders") == []
    assert lake.newest_closed_hour("orders") is None
    assert lake.closing("orders", HOUR) is None
    assert lake.read("orders", BOTH).height == 0
    assert lake.read("orders", BOTH, ["order_id"]).columns == ["order_id"]


@pytest.mark.parametrize("name", ["hour=2011-05-02T9x", "hour=2011-05-02T9", "hour="])
def test_a_stray_folder_is_named_and_passed_over(
    lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    lake.land_hour("orders", HOUR, orders())
    (tmp_path / "orders" / name).mkdir()
    (tmp_path / "orders" / name / "_SUCCESS").touch()
    assert lake.listed_hours("orders") == [HOUR]
    assert f"{tmp_path}/orders/{name} is passed over: hour " in caplog.text
    day = Window(HOUR.replace(hour=0), HOUR + timedelta(hours=12))
    assert lake.closed_hours("orders", day) == [HOUR]
    assert [*lake.closings("orders", day)] == [HOUR]
    assert lake.newest_closed_hour("orders") == HOUR


def test_an_hour_that_must_be_closed(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    with pytest.raises(HourNotClosed) as caught:
        lake.require_closed("impressions", HOUR)
    assert str(caught.value).startswith(
        f"impressions of hour 2011-05-02T12 are not closed: expected {tmp_path}/{FOLDER}/_SUCCESS"
    )
    assert "closed with zero rows" in str(caught.value)


def test_open_hours_are_not_read(lake: Lake, tmp_path: Path) -> None:
    lake.land_hour("impressions", HOUR, impressions())
    drop(tmp_path, impressions(NEXT), hour=NEXT).with_name("_SUCCESS").unlink()
    assert lake.read("impressions", BOTH).height == 2


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


# The place


def test_a_lake_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lake = Lake(f"{tmp_path}/file/lake")
    with pytest.raises(LakeUnreachable, match=rf"cannot \w+ {tmp_path}/file/lake/orders") as caught:
        lake.land_hour("orders", HOUR, orders())
    assert "check that the place exists, its permissions or credentials" in str(caught.value)
    assert (tmp_path / "file").read_text() == ""


def test_no_space_leaves_the_hour_as_it_was(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lake.land_hour("orders", HOUR, orders())

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(LakeUnreachable, match="No space left on device"):
        lake.land_hour("orders", HOUR, orders(rows=9))
    assert lake.closing("orders", HOUR) == before
    assert lake.read("orders", BOTH).height == 2


def test_an_object_store_is_landed_and_closed(tmp_path: Path) -> None:
    lake = Lake(f"memory://{tmp_path}/lake")
    assert lake.land_hour("orders", HOUR, orders(rows=3)).generation == 1
    closing = lake.land_hour("orders", HOUR, orders(rows=4))
    assert lake.closing("orders", HOUR) == closing
    assert (closing.rows, closing.generation) == (4, 2)
    assert lake.closed_hours("orders") == [HOUR]
    assert pl.read_parquet(lake.files.read(f"orders/{closing.files[0].path}")).height == 4


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    Lake(f"file://{tmp_path}").land_hour("orders", HOUR, orders())
    assert Lake(str(tmp_path)).read("orders", BOTH).height == 2


def test_moments_come_back_in_utc(lake: Lake) -> None:
    lake.land_hour("orders", HOUR, orders())
    assert lake.read("orders", BOTH)["order_time"][0] == HOUR
    assert lake.read("orders", BOTH)["order_time"][0].tzinfo is not None
