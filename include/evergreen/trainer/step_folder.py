"""Where a step's result lies below the run directory, by its name and options."""

from __future__ import annotations

from collections.abc import Mapping

from evergreen.domain.errors import ManifestInvalid

_NAMED_BY = {
    "build_dataset": "build_dataset",
    "train": "train/{variant}",
    "evaluate": "evaluate/champion={champion}",
    "publish": "publish/release={fence}",
}


def step_folder(step: str, options: Mapping[str, object]) -> str:
    """Return the folder of a step's result.

    Example: `step_folder("train", {"variant": "full_28d"})` is `train/full_28d`.

    Raises:
        ManifestInvalid: there is no such step, or an option that names its folder is missing.
    """
    try:
        return _NAMED_BY[step].format_map(dict(options))
    except KeyError as error:
        raise ManifestInvalid(
            f"step {step} with {dict(options)}: unknown, or lacks {error}"
        ) from None
