"""The folder that MLflow calls a model: an XGBoost UBJ file and what says how to load it.

No pickle is written, and none is accepted: loading one runs whatever it says.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from importlib.metadata import version as installed
from pathlib import Path

from evergreen.domain.errors import ArtifactRefused

MODEL_FILE = "model.ubj"
PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth")
UBJ_START = b"{"
PICKLE_START = b"\x80"
REQUIREMENTS = ("numpy", "scipy", "pandas")


def write_model(folder: Path, booster_file: Path, features: Sequence[str]) -> None:
    """Write MLflow's model folder around a booster file, which stays the same to the byte.

    Args:
        folder: where to; must not exist.
        booster_file: XGBoost UBJ.
        features: the model's columns, in its order; float32 each. Its output is one double.

    Raises:
        ArtifactRefused: the file is not a booster in UBJ.
    """
    import mlflow.xgboost
    import xgboost
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    if booster_file.suffix != ".ubj" or booster_file.read_bytes()[:1] != UBJ_START:
        raise ArtifactRefused(f"{booster_file} is not a UBJ file, the only form that is registered")
    try:
        booster = xgboost.Booster(model_file=booster_file)
    except xgboost.core.XGBoostError as error:
        cause = str(error).strip().splitlines()[-1]
        raise ArtifactRefused(f"{booster_file} is not an XGBoost booster: {cause}") from None
    mlflow.xgboost.save_model(
        booster,
        str(folder),
        model_format="ubj",
        signature=ModelSignature(
            inputs=Schema([ColSpec("float", name) for name in features]),
            outputs=Schema([ColSpec("double", "score")]),
        ),
        pip_requirements=[
            f"xgboost-cpu=={xgboost.__version__}",  # whoever serves needs no CUDA
            *(f"{name}=={installed(name)}" for name in REQUIREMENTS),
        ],
    )
    shutil.copyfile(booster_file, folder / MODEL_FILE)
    refuse_pickles([path.name for path in folder.iterdir()], where=str(folder))


def refuse_pickles(names: Iterable[str], *, where: str) -> None:
    """Raise `ArtifactRefused` when one of the names is a pickle's."""
    for name in names:
        if name.lower().endswith(PICKLE_SUFFIXES):
            raise ArtifactRefused(
                f"{where}: {name} is a pickle, and loading one runs whatever it says; register "
                "the model as UBJ and its artifacts as JSON"
            )


def refuse_other_file(file: Path, *, sha256: str | None, where: str) -> None:
    """Raise `ArtifactRefused` when a downloaded file is a pickle or has another digest."""
    data = file.read_bytes()
    if data[:1] == PICKLE_START:
        raise ArtifactRefused(f"{where}: {file.name} holds a pickle, whatever its name says")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ArtifactRefused(
            f"{where}: {file.name} is not the file that was trained: sha256 {sha256[:12]}… "
            f"expected, {hashlib.sha256(data).hexdigest()[:12]}… found; do not use this version"
        )
