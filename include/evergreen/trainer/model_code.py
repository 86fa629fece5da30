"""A model folder's own code, `features.py`: candidates, their features, and what is popular."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, cast

import polars as pl

from evergreen.domain.errors import ModelSpecInvalid


class ModelCode(Protocol):
    """What `features.py` of a recommender defines; see `include/models/also_bought`."""

    FEATURES: Sequence[str]

    def candidates(
        self,
        orders: pl.DataFrame,
        moments: Sequence[datetime],
        *,
        length: int,
        contexts: Mapping[datetime, pl.Series] | None = None,
    ) -> Iterator[tuple[datetime, pl.DataFrame]]:
        """Yield each moment's candidates with their features."""

    def popular(self, orders: pl.DataFrame, as_of: datetime, *, length: int) -> pl.DataFrame:
        """Return the items to show where the model knows nothing."""


def code_path(models_dir: Path, model: str) -> Path:
    """Return where a model's code is."""
    return models_dir / model / "features.py"


def code_digest(models_dir: Path, model: str) -> str:
    """Return the SHA-256 of a model's code: part of the run key.

    Raises:
        ModelSpecInvalid: the model has no `features.py`.
    """
    path = code_path(models_dir, model)
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelSpecInvalid(f"{path}: {error.strerror}; a recommender needs one") from None


def load_code(models_dir: Path, model: str) -> ModelCode:
    """Return a model's code as a module.

    Raises:
        ModelSpecInvalid: there is none, it does not import, or it lacks what `ModelCode` lists.
    """
    code_digest(models_dir, model)
    path = code_path(models_dir, model)
    spec = importlib.util.spec_from_file_location(f"evergreen_models_{model}", path)
    if spec is None or spec.loader is None:
        raise ModelSpecInvalid(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelSpecInvalid(f"{path} does not import: {error!r}") from error
    missing = [n for n in ("FEATURES", "candidates", "popular") if not hasattr(module, n)]
    if missing:
        raise ModelSpecInvalid(f"{path} does not define {', '.join(missing)}")
    return cast(ModelCode, module)
