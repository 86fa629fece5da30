"""Puts a model's folder in place: whole or not at all, and never over somebody's work."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.domain.errors import ModelExists, ModelSpecInvalid

SPEC = "model.yaml"


def checked_spec(models_dir: Path, model: str, files: Mapping[str, str]) -> ModelSpec:
    """Return the spec that these files would give, read as `models check` reads it.

    Raises:
        ModelSpecInvalid: it is not right; the text names key, expected and found.
    """
    with _staged(models_dir, model, files) as folder:
        try:
            return load_spec(folder)
        except ModelSpecInvalid as error:
            text = str(error).replace(str(folder), model)
            raise ModelSpecInvalid(text) from None


def refuse_existing(models_dir: Path, model: str, *, force: bool) -> None:
    """Refuse to write over a model.

    Raises:
        ModelExists: there is a folder with files, and no `force`.
    """
    target = models_dir / model
    if not force and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ModelExists(
            f"{target} is there: edit it, choose another name, or write its {SPEC} anew with "
            f"--force (other files of it stay as they are)"
        )


def put_folder(
    models_dir: Path, model: str, files: Mapping[str, str], *, force: bool
) -> list[Path]:
    """Write the files and return those that were written.

    The folder appears with all files in one step, so that Airflow never parses a half. With
    `force` an existing folder gets a new `model.yaml`; a file beside it that is there stays.

    Raises:
        ModelExists: see `refuse_existing`; also when somebody was quicker.
        ModelSpecInvalid: the folder of the models cannot be written.
    """
    refuse_existing(models_dir, model, force=force)
    target = models_dir / model
    with _staged(models_dir, model, files) as folder:
        if target.is_dir() and any(target.iterdir()):
            return _replace(folder, target, files)
        try:
            folder.rename(target)
        except OSError as error:
            raise ModelExists(f"{target}: {error.strerror}; somebody was quicker") from None
    return [target / name for name in files]


def _replace(folder: Path, target: Path, files: Mapping[str, str]) -> list[Path]:
    """Put single files into a folder that is there, `model.yaml` last: it is what counts."""
    written = []
    for name in sorted(files, key=lambda each: each == SPEC):
        if name == SPEC or not (target / name).exists():
            os.replace(folder / name, target / name)  # noqa: PTH105  (over a file that is there)
            written.append(target / name)
    return written


@contextmanager
def _staged(models_dir: Path, model: str, files: Mapping[str, str]) -> Iterator[Path]:
    """Yield a folder with the files, on the models' own disk, where nobody looks for models."""
    try:
        stage = Path(tempfile.mkdtemp(prefix=".adding-", dir=models_dir))
    except OSError as error:
        raise ModelSpecInvalid(
            f"{models_dir}: {error.strerror}; set EVERGREEN_MODELS_DIR"
        ) from None
    try:
        folder = stage / model
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(stage, ignore_errors=True)
