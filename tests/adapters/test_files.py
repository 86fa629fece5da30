"""Files are whole or not there, on disks and on object stores; what only S3 does is in test_s3."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from evergreen.adapters.files import Files
from evergreen.domain.errors import LakeUnreachable, PublishRefused


def on_disk(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["disk", "file_url", "memory", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "s3":
        return Files(request.getfixturevalue("s3").folder(tmp_path.name))
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


def test_the_first_that_creates_a_file_wins(files: Files) -> None:
    assert files.create("a/_SUCCESS", b"first")
    assert not files.create("a/_SUCCESS", b"second")
    assert files.read("a/_SUCCESS") == b"first"


def test_files_of_any_size_come_and_go(files: Files, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(whole := os.urandom(3_000_000))
    files.upload("a/b", tmp_path / "up")
    files.download("a/b", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == whole
    assert files.list("a") == ["b"]
    with pytest.raises(FileNotFoundError):
        files.download("a/c", tmp_path / "none")


def test_many_answers_come_in_order(files: Files) -> None:
    for name in "cab":
        files.write_atomic(name, name.encode())
    assert files.each(files.read, ["b", "c", "a"]) == [b"b", b"c", b"a"]
    assert files.each(files.exists, ["x", "a"]) == [False, True]


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


def test_no_password_of_a_url_is_told() -> None:
    with pytest.raises(LakeUnreachable) as caught:
        Files("nosuch://ann:planted-secret@host/lake").read("a")
    assert "nosuch://***@host/lake/a" in str(caught.value)
    assert "planted-secret" not in str(caught.value)
