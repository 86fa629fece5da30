"""The examples in the docstrings are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import evergreen.adapters
import evergreen.config
import evergreen.domain

NO_EXAMPLES = {"migrations"}  # Alembic runs these, nobody imports them
WITH_EXAMPLES = {
    "alarm_level",
    "bins",
    "detector",
    "distances",
    "promise",
    "share",
    "sketch",
    "surprise",
}
"""Of the sensors' modules."""


def modules() -> list[str]:
    packages = (evergreen.domain, evergreen.config, evergreen.adapters)
    return [
        f"{package.__name__}.{module.name}"
        for package in packages
        for module in pkgutil.iter_modules(package.__path__)
        if module.name not in NO_EXAMPLES
    ]


@pytest.mark.parametrize("name", modules())
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    found = doctest.DocTestFinder(exclude_empty=True)
    shown = {
        name.removeprefix("evergreen.domain.")
        for name in modules()
        for test in found.find(importlib.import_module(name))
        if test.examples and ".domain." in name
    }
    assert shown >= WITH_EXAMPLES
