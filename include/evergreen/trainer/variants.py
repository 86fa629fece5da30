"""The variants of a challenger: which rows each learns from, and when one is left out.

| variant | learns from | begins with |
| --- | --- | --- |
| `fresh_24h` | the last 24 h before validation | the champion's trees |
| `recent_7d` | the last 7 days before validation | nothing |
| `full_28d` | the whole window that was asked for, 28 days by default | nothing |

A variant that cannot be trained is skipped with its reason and fails nothing; only `full_28d`
must be trained.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import xgboost as xgb

from evergreen.adapters.registry import Registry
from evergreen.config.durations import parse_duration
from evergreen.config.model_spec import ModelSpec
from evergreen.config.train_spec import FRESH, RECENT
from evergreen.domain.errors import VersionUnknown
from evergreen.trainer.batches import Rows

REACH = {FRESH: timedelta(hours=24), RECENT: timedelta(days=7)}
MODEL_FILE = "model.ubj"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The champion's model, to go on from."""

    version: int
    booster: xgb.Booster


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Why a variant is not trained."""

    reason: str


def since_of(variant: str, validation_start: datetime) -> datetime | None:
    """Return where a variant's training rows begin; None: with the window."""
    return validation_start - REACH[variant] if variant in REACH else None


def too_few(train: Rows, valid: Rows, minimum: int) -> Skip | None:
    """Say why a short variant cannot learn from these rows; None when it can."""
    if train.count < minimum:
        return Skip(reason=f"{train.count:,} training rows, {minimum:,} are needed")
    for name, rows in (("training", train), ("validation", valid)):
        if rows.one_kind:
            return Skip(reason=f"{rows.count:,} {name} rows with {rows.clicks:,} clicks")
    return None


def find_base(
    manifest: dict[str, Any],
    spec: ModelSpec,
    validation_start: datetime,
    *,
    registry: Registry,
    folder: Path,
) -> Base | Skip:
    """Return the model that the frozen window names as `base`, unless it does not fit.

    It fits when it saw no label of this run's validation or holdout rows, has the same features
    made by the same code, and has not piled up too many rounds.

    Args:
        folder: where its files are put.

    Raises:
        ArtifactRefused: the registry's model is not the file that was trained.
        RegistryUnreachable: MLflow does not answer.
    """
    named = manifest.get("base")
    if named is None:
        return Skip(reason="no champion to continue from when the window was frozen")
    version, who = int(named["version"]), f"version {named['version']}"
    end = datetime.fromisoformat(manifest["window"]["end"])
    if datetime.fromisoformat(named["as_of"]) > end:
        return Skip(reason=f"{who} was trained on data until {named['as_of']}, after this window")
    try:
        made = json.loads(registry.fetch(spec.model, version, MANIFEST, folder).read_text())
        digest = manifest.get("model_digests", {}).get(str(version))
        file = registry.fetch(spec.model, version, MODEL_FILE, folder, sha256=digest)
    except VersionUnknown as error:
        return Skip(reason=str(error))
    if made["code"] != manifest["code"]:
        return Skip(reason=f"features.py has changed since {who} was trained")
    booster = xgb.Booster(model_file=file)
    cut = Cut(train_end=validation_start, labels_end=end - spec.gate.holdout)
    reason = unfit(who, booster, seen=labels_seen(made), cut=cut, spec=spec)
    return Skip(reason=reason) if reason else Base(version=version, booster=booster)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Until when a model has seen labels: trained on before `train_end`, stopped early on before
    `labels_end`, which is where its holdout began."""

    train_end: datetime
    labels_end: datetime


def labels_seen(manifest: dict[str, Any]) -> Cut:
    """Return until when a registered model has seen labels, from the manifest beside it.

    Without `trained_until` (registered before there were variants) the window's nominal cuts count.
    """
    end = datetime.fromisoformat(manifest["window"]["end"])
    holdout = end - parse_duration(manifest["spec"]["gate"]["holdout"])
    nominal = holdout - parse_duration(manifest["spec"]["train"]["validation"])
    said = manifest.get("trained_until")
    return Cut(train_end=datetime.fromisoformat(said) if said else nominal, labels_end=holdout)


def unfit(who: str, booster: xgb.Booster, *, seen: Cut, cut: Cut, spec: ModelSpec) -> str | None:
    """Say why a model is nothing to go on from; None when it is.

    Args:
        who: how the text names it.
        seen: until when it has seen labels.
        cut: of the run that would go on from it.
    """
    features, rounds = tuple(booster.feature_names or ()), booster.num_boosted_rounds()
    if seen.train_end > cut.train_end:
        return (
            f"{who} was trained until {seen.train_end}, into the validation rows from "
            f"{cut.train_end} on"
        )
    if seen.labels_end > cut.labels_end:
        return (
            f"{who} was stopped early on rows until {seen.labels_end}, into the holdout from "
            f"{cut.labels_end} on"
        )
    if features != spec.features.names:
        other = sorted(set(features) ^ set(spec.features.names))
        return f"{who} has other features: {', '.join(other[:5]) or 'in another order'}"
    if rounds >= spec.train.max_piled_rounds:
        return (
            f"{who} has {rounds:,} rounds, train.max_piled_rounds is "
            f"{spec.train.max_piled_rounds:,}"
        )
    return None
