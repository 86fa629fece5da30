"""Other values for keys of `model.yaml`, for one run: `monitor.trigger.cooldown=24h`."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import yaml

from evergreen.config.model_spec import ModelSpec, parse_spec
from evergreen.domain.errors import BacktestInvalid


def with_overrides(raw: dict[str, Any], assignments: Iterable[str]) -> ModelSpec:
    """Return the spec of a `model.yaml` with some keys set otherwise.

    The same parser reads it, so an unknown key names the nearest one and a value out of bounds is
    refused as it would be in the file.

    Parameters:
        raw: the file as it is written; it is not changed.
        assignments: `dotted.key=value`, the value in YAML.

    Raises:
        BacktestInvalid: an assignment is not spelt like that.
        ModelSpecInvalid: an unknown key, or a value out of bounds.
    """
    body = copy.deepcopy(raw)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            raise BacktestInvalid(
                f"--set {assignment[:80]!r} is not spelt like monitor.trigger.cooldown=24h"
            )
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise BacktestInvalid(f"--set {key}: {text[:80]!r} is not YAML") from None
        _put(body, parts, value)
    return parse_spec(body, source="--set" if body != raw else "model.yaml")


def _put(body: dict[str, Any], parts: list[str], value: Any) -> None:
    section: dict[str, Any] = body
    for part in parts[:-1]:
        inner = section.get(part)
        if not isinstance(inner, dict):
            inner = section[part] = {}
        section = inner
    section[parts[-1]] = value
