"""The lake: an hour is whole or not there."""

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
from foreign_files import BOTH, FOLDER, NEXT, PART, drop
from made_impressions import HOUR, impressions, orders

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import UTC_TIME
from evergreen.domain.errors import (
    ColumnMissing,
    ColumnTypeWrong,
    HourNotClosed,
    LakeUnreachable,
    WindowInvalid,
)
from evergreen.domain.windows import Window

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
from foreign_files import BOTH, FOLDER, NEXT, PART, drop
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
