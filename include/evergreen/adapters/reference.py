"""The reference profile of a window of a lake."""

from __future__ import annotations

from collections.abc import Mapping

from evergreen.adapters.engine import engine_of
from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.alarm_level import drops_from
from evergreen.domain.bins import LevelBins
from evergreen.domain.errors import WindowEmpty
from evergreen.domain.profile import OUTPUT_IMPORTANCE, ReferenceProfile, make_profile
from evergreen.domain.promise import ctr_alarms_per_year
from evergreen.domain.windows import Window

SOURCE = "source"
SOURCE_BINS = LevelBins(groups=(("model",), ("fallback",)))


def reference_profile(
    lake: Lake,
    window: Window,
    spec: ModelSpec,
    *,
    version: str | None = None,
    importance: Mapping[str, float] | None = None,
    made_from: str = "",
) -> ReferenceProfile:
    """Return what the window's impressions looked like, hour by hour.

    Parameters:
        version: impressions of this model version only; None for all.
        importance: of each feature, its share of the model's gain, 0 to 1; None when nothing is
            known of the model, then all features weigh alike.
        made_from: what the window was, for people.

    Raises:
        WindowEmpty: no impression of the version lies in it.
    """
    engine, outputs = engine_of(spec, lake), spec.monitor.drift.outputs
    numeric = (*(name for name in outputs if name == "score"), *spec.features.numeric)
    other = (*(name for name in outputs if name != "score"), *spec.features.categorical)
    bins = engine.make_bins(window, numeric=numeric, categorical=other, version=version)
    bins = {SOURCE: SOURCE_BINS, **bins}
    sketches = engine.sketches(window, bins, version=version)
    if not any(sketch.impressions for sketch in sketches.values()):
        raise WindowEmpty(
            f"{spec.model} has no impressions of version {version or 'any'!r} in {window}; "
            f"name a window in which it served"
        )
    features = spec.features.names
    weights = importance or {name: 1 / len(features) for name in features}
    return make_profile(
        sketches,
        bins,
        importance={**weights, **dict.fromkeys((*outputs, SOURCE), OUTPUT_IMPORTANCE)},
        drops=drops_from(spec.monitor.ctr.min_drop),
        false_alarms_per_year=ctr_alarms_per_year(spec.monitor.false_alarms_per_year),
        model_version=version or "",
        reference=made_from or str(window),
    )
