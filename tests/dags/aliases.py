"""The registry's alias kept in memory: importing MLflow takes seconds."""

from __future__ import annotations

import pytest

from evergreen.adapters.registry import Registry


def keep_aliases(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Let every registry of this test share one alias a model, and return them."""
    aliases: dict[str, int] = {}
    fences: dict[str, int] = {}
    monkeypatch.setattr(Registry, "champion", lambda _, model: aliases.get(model))
    monkeypatch.setattr(Registry, "set_champion", lambda _, m, v: aliases.update({m: v}))
    monkeypatch.setattr(Registry, "followed", lambda _, model: fences.get(model))
    monkeypatch.setattr(Registry, "set_followed", lambda _, m, f: fences.update({m: f}))
    return aliases
