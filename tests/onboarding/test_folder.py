"""A model's folder appears whole, never over another, and leaves nothing when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from evergreen.config.model_spec import model_folders
from evergreen.domain.errors import ModelExists, ModelSpecInvalid
from evergreen.onboarding import folder as module
from evergreen.onboarding.folder import checked_spec, put_folder


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


GOOD = {"model.yaml": "model: shop\ndescription: d\nowner: o\n", "features.py": "FEATURES = ()\n"}


def test_all_files_are_there_and_nothing_else(tmp_path: Path) -> None:
    written = put_folder(tmp_path, "shop", GOOD, force=False)
    assert {path.name: path.read_text() for path in written} == GOOD
    assert names(tmp_path) == ["shop"]


def test_an_existing_model_is_left_alone(tmp_path: Path) -> None:
    put_folder(tmp_path, "shop", GOOD, force=False)
    with pytest.raises(ModelExists, match="is there: edit it"):
        put_folder(tmp_path, "shop", {**GOOD, "model.yaml": "other"}, force=False)
    assert (tmp_path / "shop" / "model.yaml").read_text() == GOOD["model.yaml"]
    assert names(tmp_path) == ["shop"]


def test_force_writes_the_spec_anew_and_no_code_over_a_person_s(tmp_path: Path) -> None:
    put_folder(tmp_path, "shop", GOOD, force=False)
    (tmp_path / "shop" / "features.py").write_text("# weeks of work\n")
    spec = GOOD["model.yaml"] + "slack_channel: shop\n"
    (written,) = put_folder(tmp_path, "shop", {**GOOD, "model.yaml": spec}, force=True)
    assert written.name == "model.yaml"
    assert written.read_text() == spec
    assert (tmp_path / "shop" / "features.py").read_text() == "# weeks of work\n"


@pytest.mark.parametrize("fails_at", ["model.yaml", "features.py"])
def test_a_failure_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    write = Path.write_text

    def fails(path: Path, *args: object, **kwargs: object) -> int:
        if path.name == fails_at:
            raise OSError(28, "No space left on device")
        return write(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", fails)
    with pytest.raises(OSError, match="No space"):
        put_folder(tmp_path, "shop", GOOD, force=False)
    assert names(tmp_path) == []


def test_while_files_are_written_airflow_sees_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[Path]] = []
    stage = module._staged

    def looked_at(*args: object) -> object:
        staged = stage(*args)  # type: ignore[arg-type]

        class Looked:
            def __enter__(self) -> Path:
                path = staged.__enter__()
                seen.append(model_folders(tmp_path))
                return path

            def __exit__(self, *error: object) -> None:
                staged.__exit__(*error)  # type: ignore[arg-type]

        return Looked()

    monkeypatch.setattr(module, "_staged", looked_at)
    put_folder(tmp_path, "shop", GOOD, force=False)
    assert seen == [[]]


def test_of_two_at_once_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def somebody_was_quicker(path: Path, target: Path) -> Path:
        target.mkdir()
        (target / "model.yaml").write_text("theirs")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", somebody_was_quicker)
    with pytest.raises(ModelExists, match="somebody was quicker"):
        put_folder(tmp_path, "shop", GOOD, force=False)
    assert (tmp_path / "shop" / "model.yaml").read_text() == "theirs"
    assert names(tmp_path) == ["shop"]


def test_a_spec_is_checked_without_leaving_anything(tmp_path: Path) -> None:
    assert checked_spec(tmp_path, "shop", GOOD).owner == "o"
    with pytest.raises(ModelSpecInvalid, match=r"^shop/model\.yaml: unknown key monitr"):
        checked_spec(tmp_path, "shop", {"model.yaml": GOOD["model.yaml"] + "monitr: {}\n"})
    assert names(tmp_path) == []


def test_a_folder_of_models_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelSpecInvalid, match="set EVERGREEN_MODELS_DIR"):
        put_folder(tmp_path / "none", "shop", GOOD, force=False)
