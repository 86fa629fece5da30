"""Files are whole or not there, on disks and on object stores (fsspec's memory stands in)."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from evergreen.adapters.files import Files
from evergreen.domain.errors import LakeUnreachable, PublishRefused


def on_disk(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["disk", "file_url", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    root = {"disk": f"{tmp_path}/lake", "file_url": f"file://{tmp_path}/lake"}
    return Files(root.get(request.param, f"memory://{tmp_path}/lake"))


def test_what_is_written_is_read(files: Files) -> None:
    files.write_atomic("a/b/_SUCCESS", b"{}")
    files.write_atomic("a/b/_SUCCESS", b"{ }")
    assert files.read("a/b/_SUCCESS") == b"{ }"
    assert files.size("a/b/_SUCCESS") == 3
    assert files.exists("a/b/_SUCCESS")
    assert files.exists("a/b")
    assert files.list("a/b") == ["_SUCCESS"]
    assert files.list("a") == ["b"]


def test_what_is_not_there(files: Files) -> None:
    assert files.list("nowhere") == []
    assert not files.exists("nowhere")
    files.remove("nowhere")
    with pytest.raises(FileNotFoundError):
        files.read("nowhere")
    with pytest.raises(FileNotFoundError):
        files.size("nowhere")


def test_a_removed_file_is_gone(files: Files) -> None:
    files.write_atomic("a", b"1")
    files.remove("a")
    assert files.list() == []


def test_parquet_comes_back_and_its_size_is_told(files: Files) -> None:
    frame = pl.DataFrame({"n": [1, 2, 3]})
    size = files.write_parquet("t/part-0.parquet", frame)
    assert size == files.size("t/part-0.parquet")
    assert pl.read_parquet(files.read("t/part-0.parquet")).equals(frame)


def test_only_whole_files_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(str(tmp_path))
    files.write_atomic("CURRENT", b"old")
    seen: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(files.list() + on_disk(tmp_path)))
    files.write_atomic("CURRENT", b"new")
    assert seen[0][0] == "CURRENT"
    assert len(seen[0]) == 3  # one listed, and on the disk the old one and the one being written
    assert on_disk(tmp_path) == ["CURRENT"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(str(tmp_path))
    files.write_atomic("CURRENT", b"old")

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(LakeUnreachable, match=r"cannot write .*/CURRENT: .*No space left"):
        files.write_atomic("CURRENT", b"new")
    assert files.read("CURRENT") == b"old"
    assert on_disk(tmp_path) == ["CURRENT"]


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ("/dev/null/lake", "cannot write /dev/null/lake/a/b: NotADirectoryError"),
        ("nosuch://bucket/lake", "Protocol not known: nosuch"),
    ],
)
def test_a_place_that_cannot_be_written(root: str, words: str) -> None:
    with pytest.raises(LakeUnreachable, match=words) as caught:
        Files(root).write_atomic("a/b", b"1")
    assert "check that the place exists" in str(caught.value)


def test_the_caller_names_the_error() -> None:
    with pytest.raises(PublishRefused):
        Files("/dev/null/published", error=PublishRefused).read("CURRENT")


def test_uri_is_what_others_open() -> None:
    assert Files("file:///a/b/").uri("c") == "/a/b/c"
    assert Files("s3://bucket/lake").uri("c") == "s3://bucket/lake/c"
    assert Files("/a").uri() == "/a"
