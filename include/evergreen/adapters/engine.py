"""What counts and joins over the lake, said once; each engine is one module."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import Window


class Engine(Protocol):
    """The counts that Evergreen needs of a lake."""

    def sketches(self, window: Window, profile: ReferenceProfile) -> Mapping[datetime, HourSketch]:
        """Return the sketch of every closed hour of the window; closed hours without rows too."""

    def serving_version(self, window: Window) -> str | None:
        """Return the model version of the newest impression, None when there is none."""


def engine_of(spec: ModelSpec, lake: Lake) -> Engine:
    """Return the engine that the spec names, over this lake."""
    from evergreen.adapters.engine_polars import PolarsEngine

    engines = {"polars": PolarsEngine}
    return engines[spec.lake.engine](lake)
