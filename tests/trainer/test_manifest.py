"""A step's output is whole or not there, made once, and refused when it was damaged."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from pathlib import Path

import polars as pl
import pytest

from evergreen.domain.errors import ManifestInvalid, RunUnreachable
from evergreen.trainer.manifest import RunDir


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(str(tmp_path / "run"))


def finish(run: RunDir, step: str = "train/full_28d", text: bytes = b"model") -> bool:
    """Run a step and return whether it worked."""
    with run.running(step) as output:
        if output is None:
            return False
        (output.folder / "model.ubj").write_bytes(text)
        output.result["rounds"] = 19
    return True


def test_a_finished_step_is_not_done_again(run: RunDir) -> None:
    assert finish(run)
    assert run.result("train/full_28d") == {"rounds": 19}
    assert not finish(run, text=b"other")
    assert Path(run.path("train/full_28d", "model.ubj")).read_bytes() == b"model"
    success, attempt = run.files.list("train/full_28d")
    assert (success, attempt[:8]) == ("_SUCCESS", "attempt=")
    assert run.files.list(f"train/full_28d/{attempt}") == ["model.ubj"]


def test_after_an_error_nothing_is_stored(run: RunDir) -> None:
    folders: list[Path] = []

    def fail() -> None:
        with run.running("train/full_28d") as output:
            assert output is not None
            folders.append(output.folder)
            (output.folder / "model.ubj").write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert run.result("train/full_28d") is None
    assert run.files.list("train/full_28d") == []
    assert not folders[0].exists()
    assert finish(run)


def test_two_at_once_work_once(run: RunDir) -> None:
    worked: list[bool] = []
    threads = [threading.Thread(target=lambda: worked.append(finish(run))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(worked) == [False, False, False, True]


def test_a_step_that_has_not_finished(run: RunDir) -> None:
    assert run.result("train/full_28d") is None
    with pytest.raises(ManifestInvalid) as caught:
        run.require("train/full_28d")
    assert str(caught.value) == (
        f"{run.url}/train/full_28d has no _SUCCESS: run `evergreen step train --run-dir {run.url}` "
        "first"
    )


def test_no_manifest(run: RunDir) -> None:
    with pytest.raises(ManifestInvalid, match=r"/manifest.json is missing; freeze a window first"):
        run.manifest()
    run.write_manifest({"run_key": "k"})
    assert run.manifest() == {"run_key": "k"}


@pytest.mark.parametrize("damage", [b"MODEL", b"mode", b"", None])
def test_a_damaged_artifact_is_refused(run: RunDir, tmp_path: Path, damage: bytes | None) -> None:
    finish(run)
    path = Path(run.path("train/full_28d", "model.ubj"))
    path.unlink() if damage is None else path.write_bytes(damage)
    target = tmp_path / "fetched"
    with pytest.raises(ManifestInvalid, match=r"model.ubj is not the file that the step wrote; "):
        run.fetch("train/full_28d", "model.ubj", target)
    assert not target.exists()


def test_what_was_never_written(run: RunDir, tmp_path: Path) -> None:
    finish(run)
    with pytest.raises(ManifestInvalid, match=r"other.ubj is not the file that the step wrote"):
        run.fetch("train/full_28d", "other.ubj", tmp_path / "fetched")
    with pytest.raises(ManifestInvalid, match=r"evaluate/champion=0 has no _SUCCESS"):
        run.fetch("evaluate/champion=0", "model.ubj", tmp_path / "fetched")


def test_a_whole_artifact_is_fetched(run: RunDir, tmp_path: Path) -> None:
    finish(run)
    assert run.fetch("train/full_28d", "model.ubj", tmp_path / "m").read_bytes() == b"model"


def test_a_table_is_read_and_checked(run: RunDir, tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": [1, 2, 3]})
    with run.running("build_dataset") as output:
        assert output is not None
        frame.write_parquet(output.folder / "train.parquet")
    assert run.table("build_dataset", "train.parquet").equals(frame)
    frame.head(2).write_parquet(run.path("build_dataset", "train.parquet"))
    with pytest.raises(ManifestInvalid, match=r"train.parquet is not the file that the step wrote"):
        run.table("build_dataset", "train.parquet")


def test_the_first_of_two_attempts_stands(run: RunDir, capsys: pytest.CaptureFixture[str]) -> None:
    """A node that was cut off goes on with an attempt that another one has replaced."""
    with run.running("train/full_28d") as late:
        assert late is not None
        (late.folder / "model.ubj").write_bytes(b"late")
        other = RunDir(run.url)
        other.files.alone = lambda _: nullcontext()  # type: ignore[assignment, method-assign]
        assert finish(other, text=b"first")  # as on another machine, where no lock reaches
    assert "another attempt at train/full_28d finished first" in capsys.readouterr().err
    assert Path(run.path("train/full_28d", "model.ubj")).read_bytes() == b"first"
    assert len(run.files.list("train/full_28d")) == 3  # _SUCCESS and two attempts


def test_a_result_names_the_pod_that_made_it(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_POD_UID", "6a1c")
    monkeypatch.setenv("EVERGREEN_POD_NAME", "train-full")
    finish(run)
    closing = json.loads(run.files.read("train/full_28d/_SUCCESS"))
    assert closing["pod"] == {"name": "train-full", "uid": "6a1c"}
    assert run.files.list("train/full_28d") == ["_SUCCESS", "attempt=6a1c"]


def test_the_first_manifest_stands(run: RunDir) -> None:
    run.write_manifest({"run_key": "k", "base": 1})
    run.write_manifest({"run_key": "k", "base": 2})
    assert run.manifest() == {"run_key": "k", "base": 1}


def test_a_success_that_is_broken(run: RunDir) -> None:
    finish(run)
    run.files.write_atomic("train/full_28d/_SUCCESS", b"{")
    with pytest.raises(ManifestInvalid, match="_SUCCESS is not JSON; remove it and run the step"):
        run.result("train/full_28d")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = RunDir(f"{tmp_path}/file/run")
    with pytest.raises(RunUnreachable, match=r"cannot write .*check that the place exists"):
        finish(run)
